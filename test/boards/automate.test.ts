// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of automate.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { TvmBackend } from '#lib/backend/backend.js'
import { automateSite, personOf } from '#lib/boards/automate.js'
import { boardFaults, boardNames, findBoard } from '#lib/boards/find.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { largestDifference, network } from '../support/artifacts.js'
import { cli, main } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'

const SLOW = 180_000
const folder = scratchFolder()
const { HOME, XDG_CACHE_HOME } = process.env
/** A home folder of its own for each test; what TVM needs stays where it is. */
let home = ''
beforeEach(() => {
  home = mkdtempSync(join(folder, 'home-'))
  process.env.XDG_CACHE_HOME ??= join(HOME ?? '', '.cache')
  process.env.HOME = home
})
afterEach(() => {
  process.env.HOME = HOME
  if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME
})

function write(path: string, content: unknown): string {
  const file = join(home, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : stringify(content))
  return file
}
const settings = (automate: object = {}) => write('.automate.yml', { automate })
const board = (name: string, more: object = {}) =>
  write(`.automate/metadata/boards/${name}/description.yml`, {
    name,
    board: 'desk top',
    description: 'A board.',
    rundir: '/tmp/${board_name}',
    connections: [{ host: '${board_name}.lab', username: 'pi' }],
    ...more,
  })
const os = (triple: object) => ({ triple, distribution: 'debian', release: '12', description: '' })

describe('descriptions', () => {
  test('without settings there are the predefined boards alone', () => {
    expect(automateSite()).toBeUndefined()
    expect(boardNames()).toContain('rpi4')
    expect(() => findBoard('zcu')).toThrow(/there is no board 'zcu'/)
  })

  test('every field is read, templates are expanded, aliases known', () => {
    settings({ boardroot: '${metadata}/roots', toolroot: '/tools' })
    const file = board('zcu', {
      os: {
        ...os({ machine: 'aarch64', vendor: 'none', os: 'linux', environment: 'gnu' }),
        kernels: [
          {
            name: 'k',
            description: '',
            version: 6.1,
            commandline: 'root=${board}',
            config: '${model_dir}/config',
            source: 's',
            srcdir: 'd',
            image: { build_path: 'b', deploy_path: '${unknown}/d' },
            default: true,
          },
        ],
      },
      cores: [{ os_id: 0, isa: 'armv8-a', uarch: ' CortexA53 ', implementer: 'arm', extensions: ['${x}'] }],
      doc: [{ title: 'Manual', loc: 'https://example.com/a.pdf' }],
      soc: { name: 'zu', technology: 16, foundry: { name: 'f' } },
      power_supply: { name: 'p', voltage: 12.0, max_current: 5 },
      reset: ['echo ${board_name}'],
      gateway: { host: 'gate', username: 'me' },
    })
    const zcu = automateSite()?.boards[0]
    const metadata = join(home, '.automate/metadata')
    expect(zcu).toMatchObject({
      file,
      rundir: '/tmp/zcu',
      connections: [{ host: 'zcu.lab', username: 'pi', port: 22 }],
      gateway: { host: 'gate', username: 'me', port: 22 },
      cores: [{ num: 0, uarch: 'CortexA53', vendor: 'arm', extensions: ['${x}'] }],
      doc: [{ location: 'https://example.com/a.pdf' }],
      reset: ['echo ${board_name}'],
      os: { sysroot: `${metadata}/roots/zcu/sysroot`, rootfs: `${metadata}/roots/zcu/zcu.img` },
    })
    expect(zcu?.os?.kernels[0]).toMatchObject({
      version: '6.1',
      commandline: 'root=desk top',
      kernel_config: `${dirname(file)}/config`,
      image: { deploy_path: '${unknown}/d' },
    })
    expect(findBoard('zcu')).toMatchObject({
      name: 'zcu',
      connector: 'automate',
      target: 'llvm -mtriple=aarch64-linux-gnu -device=arm_cpu -mcpu=cortex-a53',
    })
  })

  test.each([
    [{ hostnme: 'x' }, /description\.yml:\d+: .*'hostnme'; did you mean 'hostname'/],
    [
      { connections: [{ hots: 'x', username: 'y' }] },
      /description\.yml:\d+: .*'connections\.0\.hots'; did you mean 'host'/,
    ],
    [{ available: 'perhaps' }, /description\.yml:\d+: available/],
    [
      { rundir: '${board}', board: '${board_name}', name: '${board}' },
      /description\.yml:\d+: .*needs itself: \$\{board/,
    ],
    ['name: [', /description\.yml:\d+/],
  ])('a faulty one is named with file and line and keeps no other from use: %j', (more, message) => {
    settings()
    board('good')
    const text =
      typeof more === 'string' ? more : stringify({ name: 'bad', board: 'b', rundir: '/', ...more })
    write('.automate/metadata/boards/lab/bad/description.yml', text)
    expect(boardNames()).toContain('good')
    expect(boardFaults()).toEqual([expect.stringMatching(message)])
    expect(() => findBoard('bad')).toThrow(message)
  })

  test('a wrong field is told with its own line', () => {
    settings()
    write('.automate/metadata/boards/b/description.yml', 'name: b\nboard: c\n\nos:\n  tripel: 1\n')
    expect(boardFaults()[0]).toMatch(/description\.yml:5: .*'os\.tripel'; did you mean 'triple'/)
  })

  test('settings: faults, folders that need each other, no metadata', () => {
    write('.automate.yml', 'automate:\n  metdata: x\n')
    expect(boardFaults()[0]).toMatch(/\.automate\.yml:2: .*did you mean 'automate\.metadata'|'metadata'/)
    expect(boardNames()).toContain('rpi4')
  })

  test('settings: folders that need each other', () => {
    settings({ toolroot: '${boardroot}/t', boardroot: '${toolroot}/b' })
    expect(() => automateSite()).toThrow(
      /\.automate\.yml:2: .*needs itself: \$\{boardroot\} -> \$\{toolroot\} -> \$\{boardroot\}/,
    )
  })

  describe('of the environment', () => {
    const set = (variables: Record<string, string>) => {
      for (const [name, value] of Object.entries(variables)) process.env[`AUTOMATE_${name}`] = value
    }
    afterEach(() => {
      for (const name of Object.keys(process.env)) if (name.startsWith('AUTOMATE_')) delete process.env[name]
    })

    test('come over those of files, and need none', () => {
      board('good')
      set({
        AUTOMATE_METADATA: '~/.automate/metadata',
        AUTOMATE_DATABASE_PORT: '5433',
        LOGGING_LEVEL: 'DEBUG',
      })
      const metadata = join(home, '.automate/metadata')
      expect(automateSite()?.settings).toMatchObject({ metadata, database: { port: 5433 } })
      expect(boardNames()).toContain('good')
      settings({ identity: '~/one', database: { host: 'db', port: 1, user: 'me', password: '1' } })
      set({ AUTOMATE_IDENTITY: '~/two', AUTOMATE_DATABASE_PASSWORD: '2', RUN_ECHO: '1' })
      expect(automateSite()?.settings).toMatchObject({
        metadata,
        identity: join(home, 'two'),
        database: { host: 'db', port: 5433, user: 'me', password: '2' },
      })
    })

    test.each([
      [
        { AUTOMATE_IDENTIY: 'x' },
        /variable AUTOMATE_AUTOMATE_IDENTIY .*did you mean 'AUTOMATE_AUTOMATE_IDENTITY'/,
      ],
      [{ AUTOMATE_FORWARDS: '[]' }, /variable AUTOMATE_AUTOMATE_FORWARDS stands for a list/],
      [{ AUTOMATE_DATABASE_PORT: 'x' }, /automate\.database\.port/],
    ])('that are wrong are named: %j', (variables, message) => {
      settings()
      set(variables)
      expect(() => automateSite()).toThrow(message)
    })
  })

  test('people are read; a faulty list of them keeps no board from use', () => {
    settings()
    board('good')
    const carol = { name: 'Carol', mail: 'carol@lab', public_keys: ['ssh-ed25519 AAAA carol'] }
    write('.automate/metadata/users.yml', { carol })
    expect(automateSite()?.users).toEqual({ carol })
    expect(personOf('carol@pc:1:2')).toBe('carol@pc:1:2 (Carol, carol@lab)')
    expect(personOf('dave')).toBe('dave')
    home = mkdtempSync(join(folder, 'home-'))
    process.env.HOME = home
    settings()
    board('good')
    write('.automate/metadata/users.yml', 'carol:\n  name: Carol\n  public_key: []\n')
    expect(boardFaults()).toEqual([
      expect.stringMatching(/users\.yml:3: there is no key 'carol\.public_key'; did you mean 'public_keys'/),
    ])
    expect(boardNames()).toContain('good')
  })

  test('settings: metadata that are not there', () => {
    settings({ metadata_url: 'ssh://lab/metadata.git' })
    expect(() => automateSite()).toThrow(/git clone --recurse-submodules -b main ssh:\/\/lab\/metadata\.git/)
  })
})

describe('a board', () => {
  let host: Sshd
  let gateway: Sshd
  beforeAll(async () => {
    host = await Sshd.start()
    gateway = await Sshd.start()
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await gateway[Symbol.asyncDispose]()
  })
  const user = process.env.USER ?? 'root'

  function site(extra = true): void {
    write('.ssh/known_hosts', [host, gateway].map((each) => `${each.name} ${each.hostKey}\n`).join(''))
    const identities = join(home, 'id')
    writeFileSync(identities, readFileSync(join(host.folder, 'id')), { mode: 0o600 })
    settings({
      identity: identities,
      ...(extra && { extra_gateway: { host: '127.0.0.1', user, port: gateway.port } }),
    })
    // The gateways let the same key in.
    writeFileSync(join(gateway.folder, 'id.pub'), readFileSync(join(host.folder, 'id.pub')))
    board('rpi4', {
      os: os({ machine: 'x86_64' }),
      connections: [{ device: '/dev/ttyUSB0' }, { host: '127.0.0.1', username: user, port: host.port }],
    })
  }

  test('is reached through gateways, with the predefined data of its name', { timeout: SLOW }, async () => {
    site()
    const description = { ...findBoard('rpi4'), target: 'llvm -mcpu=x86-64-v2', target_host: null }
    const server = `'${process.execPath}' '${main}' server --host 127.0.0.1 --json --key $KEY`
    const { model, inputs, outputs } = network('kws_dscnn')
    const [name] = Object.keys(outputs) as [string]
    const before = gateway.log.length
    await using backend = await TvmBackend.create({ board: { ...description, server } })
    await backend.prepare(model)
    expect(largestDifference((await backend.run(inputs))[name], outputs[name])).toBeLessThan(1e-4)
    expect(gateway.log.slice(before)).toContain('Accepted publickey')
  })

  test('is listed with its state; one in maintenance is not used', { timeout: SLOW }, async () => {
    site(false)
    board('broken', { maintenance: true })
    const { json, stderr } = await cli(['boards', '--json'])
    const state = (name: string) => json.find((row) => row.board === name)
    expect(state('rpi4')).toMatchObject({ connector: 'automate', state: 'free' })
    expect(state('broken')).toMatchObject({
      state: 'offline',
      reason: expect.stringContaining('maintenance'),
    })
    expect(state('jetsonnano')).toMatchObject({
      state: 'unsupported',
      reason: expect.stringContaining('CUDA'),
    })
    expect(stderr).not.toContain('left out')
  })
})
