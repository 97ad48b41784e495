import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { readTestDataSets } from '#lib/frontend/onnx/test-data.js'
import { readNpz, writeNpz } from '#lib/npz.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { artifactOf } from '../support/artifacts.js'
import { cli, main, startCli } from '../support/cli.js'
import type { ModelDescription } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const folder = fileURLToPath(new URL('../fixtures/models/kws_dscnn', import.meta.url))
const model = join(folder, 'model.onnx')
const scratch = scratchFolder()
const artifact = join(scratch, 'kws.tvm')
const inputs = join(scratch, 'in.npz')
const [set] = readTestDataSets(folder) as [ReturnType<typeof readTestDataSets>[number]]

beforeAll(async () => {
  await writeNpz(inputs, set.inputs as Record<string, Tensor>)
  const { code, stderr } = await cli(['compile', model, '-o', artifact])
  expect(`${code} ${stderr}`).toBe('0 import\noptimize\ncodegen\nlink\nwrite\n')
})

test('run writes the outputs that came with the network', async () => {
  const outputs = join(scratch, 'out.npz')
  const { code, json } = await cli([
    'run',
    artifact,
    '--inputs',
    inputs,
    '--outputs',
    outputs,
    '--threads',
    '2',
    '--json',
  ])
  expect(code).toBe(0)
  const [name, expected] = Object.entries(set.outputs)[0] as [string, Tensor]
  expect(json).toEqual([
    {
      outputs: [expect.objectContaining({ name, dtype: 'float32', shape: [1, 12] })],
      ms: expect.any(Number),
      threads: 2,
    },
  ])
  const written = await readNpz(outputs)
  expect(Object.keys(written)).toEqual([name])
  const got = written[name]?.data as Float32Array
  const worst = Math.max(
    ...(expected.data as Float32Array).map((value, i) => Math.abs(value - (got[i] as number))),
  )
  expect(worst).toBeLessThan(1e-5)
})

test('run in a process of its own shows the same table', async () => {
  const tables = await Promise.all(
    ['thread', 'process'].map((how) =>
      cli(['run', artifact, '--inputs', inputs, '--isolation', how, '--quiet']),
    ),
  )
  const [inThread, inProcess] = tables.map(({ stdout }) => stdout.split('\n').slice(0, 2).join('\n'))
  expect(inThread).toMatch(/^output +type +shape +min +mean +max\n\S+ +float32 +\[1, 12\]/)
  expect(inProcess).toBe(inThread)
  expect(tables.map(({ stderr }) => stderr)).toEqual(['', ''])
})

test('inspect shows metadata that agree with the file', async () => {
  const { json } = await cli(['inspect', artifact, '--json'])
  expect(json[0]).toMatchObject({
    format: 1,
    libraryVersion: '0.18.0',
    executor: 'graph',
    inputs: [{ name: 'data', shape: [1, 1, 49, 10], dtype: 'float32' }],
  })
  expect(Object.keys(json[0].members)).toEqual(['graph.json', 'params.bin', 'lib.so'])
  const { stdout } = await cli(['inspect', artifact])
  expect(stdout).toContain(json[0].modelHash)
})

test('profile names operators with shares that sum up to the whole', async () => {
  const { json } = await cli(['profile', artifact, '--inputs', inputs, '--repeat', '5', '--json'])
  const { metrics, profile } = json[0]
  expect(metrics.latencyUs.median).toBeGreaterThan(0)
  expect(profile.map(({ name }: { name: string }) => name).join()).toMatch(/conv2d.*softmax/)
  const total = profile.reduce((sum: number, { percent }: { percent: number }) => sum + percent, 0)
  expect(total).toBeCloseTo(100, 5)
})

test('profile sorts its table by time', async () => {
  const { stdout } = await cli(['profile', artifact, '--quiet'])
  const times = stdout
    .split('\n\n')[0]
    ?.split('\n')
    .slice(1)
    .map((line) => Number(/ ([\d.]+) +[\d.]+ +█/.exec(line)?.[1] ?? 0))
  expect(times?.length).toBeGreaterThan(5)
  expect(times).toEqual([...(times ?? [])].sort((a, b) => b - a))
})

test('bench compares with ONNX Runtime', async () => {
  const { code, json } = await cli([
    'bench',
    model,
    '--runs',
    '20',
    '--threads',
    '1',
    '--against',
    'onnxruntime',
    '--json',
  ])
  expect(code).toBe(0)
  const figures = {
    median_ms: expect.any(Number),
    spread_ms: expect.any(Number),
    min_ms: expect.any(Number),
    max_ms: expect.any(Number),
    runs: 20,
  }
  expect(json).toEqual([
    {
      name: 'model',
      target: expect.stringContaining('llvm'),
      threads: 1,
      ...figures,
      peer: { name: 'onnxruntime', version: expect.stringMatching(/^1\./), ...figures },
      ratio: expect.any(Number),
    },
  ])
  expect(json[0].ratio).toBeCloseTo(json[0].median_ms / json[0].peer.median_ms, 2)
})

test('bench measures an artifact, and says what a comparison needs', async () => {
  const { json } = await cli(['bench', artifact, '--runs', '5', '--json'])
  expect(json[0]).toMatchObject({ runs: 5, median_ms: expect.any(Number) })
  const { code, stderr } = await cli(['bench', artifact, '--against', 'onnxruntime', '--quiet'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/ERR_USAGE: --against onnxruntime needs the ONNX model/)
})

test('doctor finds everything, or says what is missing and what to do', async () => {
  const { code, json } = await cli(['doctor', '--json'])
  expect(code).toBe(0)
  expect(json.find(({ name }) => name === 'TVM').value).toMatch(/^0\.18\.0 \(22a9d388d4\) from cache/)
  const broken = await cli(['doctor', '--json'], { env: { TVM_HOME: scratch } })
  expect(broken.code).toBe(1)
  const finding = broken.json.find(({ name }) => name === 'TVM')
  expect(finding).toMatchObject({ status: 'missing', fix: expect.stringContaining('npm run bundle') })
  expect(finding.value).toContain(scratch)
})

describe('failures', () => {
  const failing = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const { code, stdout, stderr, json } = await cli([...args, '--json'], { env })
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(stderr).toContain(json[0].error.code)
    return { exit: code, ...json[0].error }
  }

  test.each([
    [['comple', 'x'], /unknown command 'comple'.*compile/],
    [['compile', model, '-o', 'x', '--traget', 'llvm'], /unknown option '--traget'.*--target/],
    [['compile', model], /'-o, --output <file>' not specified/],
    [['inspect'], /missing required argument 'part-or-artifact'/],
    [['compile', model, '-o', 'x', '--shape', 'data'], /an input and its extents/],
    [['compile', model, '-o', 'x', '--layout', 'nn.conv2d=NHWC'], /an operator and the layouts/],
    [['compile', model, '-o', 'x', '--opt-level', '5'], /Allowed choices are 0, 1, 2, 3, 4/],
    [['run', artifact, '--inputs', inputs, '--threads', '0'], /whole number of at least 1/],
    [['run', artifact, '--inputs', inputs, '--timeout', '0'], /number above 0/],
    [['run', artifact, '--inputs', inputs, '--isolation', 'vm'], /Allowed choices are thread, process/],
    [['inspect', artifact, 'second'], /no part to inspect; there are operators, memory, passes, records/],
    [['inspect', 'memory', artifact, 'third'], /too many arguments/],
    [['help', 'comple'], /unknown command 'comple'.*compile/],
  ])('%j is refused as wrong usage', async (args, message) => {
    const error = await failing(args)
    expect(error).toMatchObject({ exit: 2, code: 'ERR_USAGE' })
    expect(error.message).toMatch(message)
  })

  test.each([
    [['compile', join(scratch, 'none.onnx'), '-o', 'x'], 'ERR_MODEL_READ', /none\.onnx/],
    [['compile', inputs, '-o', 'x'], 'ERR_NOT_ONNX', /in\.npz/],
    [['compile', model, '-o', join(scratch, 'no', 'folder')], 'ERR_WRITE_FAILED', /no\/folder/],
    [['compile', model, '-o', 'x', '--target', 'lvm'], 'ERR_UNKNOWN_TARGET', /did you mean 'llvm'/],
    [
      ['compile', model, '-o', 'x', '--target', 'llvm -mcu=core2'],
      'ERR_UNKNOWN_TARGET',
      /did you mean 'mcpu'/,
    ],
    [['compile', model, '-o', 'x', '--shape', 'dta:1'], 'ERR_INVALID_ARGUMENT', /did you mean 'data'/],
    [
      ['compile', model, '-o', 'x', '--layout', 'nn.conv2d:NWHW'],
      'ERR_INVALID_ARGUMENT',
      /not an order of NCHW/,
    ],
    [['compile', model, '-o', model], 'ERR_WRITE_FAILED', /it is the input/],
    [['compile', model, '-o', '/dev/null'], 'ERR_WRITE_FAILED', /it is no regular file/],
    [['compile', model, '-o', 'x', '--target', 'cuda'], 'ERR_UNKNOWN_TARGET', /kind 'cuda'.*llvm/],
    [['run', artifact, '--inputs', inputs, '--outputs', inputs], 'ERR_WRITE_FAILED', /it is the input/],
    [['compile', model, '-o', 'x', '--timeout', '0.001'], 'ERR_TIMEOUT', /1 ms/],
    [['run', join(scratch, 'none.tvm'), '--inputs', inputs], 'ERR_MODEL_READ', /none\.tvm/],
    [['inspect', model], 'ERR_NOT_ARTIFACT', /model\.onnx/],
    [['run', artifact, '--inputs', model], 'ERR_NPZ', /model\.onnx/],
    [['bench', join(scratch, 'none')], 'ERR_MODEL_READ', /none/],
    [['inspect', join(scratch, 'none.tvm')], 'ERR_ARTIFACT_READ', /none\.tvm/],
  ])('%j fails with %s', async (args, code, message) => {
    const error = await failing(args as string[])
    expect(error).toMatchObject({ exit: 1, code })
    expect(error.message).toMatch(message)
  })

  test('inputs that do not fit', async () => {
    const wrong = join(scratch, 'wrong.npz')
    await writeNpz(wrong, { data: tensor(new Float32Array(490), [1, 1, 10, 49]) })
    expect(await failing(['run', artifact, '--inputs', wrong])).toMatchObject({ code: 'ERR_INPUT' })
    await writeNpz(wrong, { dada: tensor(new Float32Array(490), [1, 1, 49, 10]) })
    const error = await failing(['run', artifact, '--inputs', wrong])
    expect(error.message).toMatch(/no input 'dada'; did you mean 'data'/)
  })

  test('outputs that cannot be written leave what was there', async () => {
    const place = join(scratch, 'kept')
    mkdirSync(place)
    const error = await failing(['run', artifact, '--inputs', inputs, '--outputs', place])
    expect(error.exit).toBe(1)
    expect(readdirSync(place)).toEqual([])
    expect(readdirSync(scratch).filter((name) => name.includes('kept'))).toEqual(['kept'])
  })

  test('a folder for temporary files that is not there', async () => {
    const env = { TMPDIR: join(scratch, 'nowhere') }
    for (const args of [
      ['compile', model, '-o', join(scratch, 'x')],
      ['run', artifact, '--inputs', inputs],
    ])
      expect(await failing(args, env)).toMatchObject({ exit: 1, code: 'ERR_WRITE_FAILED' })
  })

  test('no bundle', async () => {
    const error = await failing(['compile', model, '-o', join(scratch, 'x')], {
      XDG_CACHE_HOME: scratch,
      TVM_HOME: '',
    })
    expect(error).toMatchObject({ exit: 1, code: 'ERR_NO_BUNDLE' })
    expect(existsSync(join(scratch, 'x'))).toBe(false)
  })
})

test('Ctrl-C ends a compilation with nothing left over', async () => {
  const temporary = join(scratch, 'tmp')
  mkdirSync(temporary)
  const output = join(scratch, 'interrupted.tvm')
  const { child, result } = startCli(['compile', model, '-o', output], { env: { TMPDIR: temporary } })
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk) => String(chunk).includes('optimize') && resolve())
  })
  const engines = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  expect(engines).toHaveLength(1)
  child.kill('SIGINT')
  const { code, stderr } = await result
  expect(code).toBe(130)
  expect(stderr).toContain('interrupted')
  expect(existsSync(output)).toBe(false)
  expect(readdirSync(temporary)).toEqual([])
  await expect.poll(() => existsSync(`/proc/${engines[0]}/exe`)).toBe(false)
})

describe('results that cannot be written', () => {
  test('whoever reads them may stop early', async () => {
    const { child, result } = startCli(['verify', folder, folder, '--json', '--jobs', '1'])
    child.stdout?.once('data', () => child.stdout?.destroy())
    const { code, stderr } = await result
    expect(code).toBe(141)
    expect(stderr).not.toMatch(/EPIPE|ERR_|at /)
    const closed = startCli(['inspect', artifact])
    closed.child.stdout?.destroy()
    expect(await closed.result).toMatchObject({ code: 141, stderr: '' })
  })

  test('stderr may be closed', async () => {
    const { child, result } = startCli(['profile', artifact, '--json'])
    child.stderr?.destroy()
    expect(await result).toMatchObject({ code: 0, json: [{ threads: expect.any(Number) }] })
  })

  test.skipIf(!existsSync('/dev/full'))('a full disk is told of', async () => {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [main, 'inspect', artifact], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^ERR_WRITE_FAILED: cannot write to stdout: ENOSPC.*\n.*\n$/)
  })
})

describe('a run of minutes that is given up does not hold up the end', () => {
  const long = join(scratch, 'long.tvm')
  const longInputs = join(scratch, 'long.npz')

  beforeAll(async () => {
    const extent = 2048
    const model: ModelDescription = {
      opset: 13,
      inputs: { x: { dtype: 'float32', shape: [extent, extent] } },
      nodes: Array.from({ length: 200 }, (_, i) => ({
        op: 'MatMul',
        inputs: [i === 0 ? 'x' : `y${i - 1}`, 'x'],
        outputs: [`y${i}`],
      })),
      outputs: ['y199'],
    }
    await artifactOf(model, long)
    await writeNpz(longInputs, { x: tensor(new Float32Array(extent * extent), [extent, extent]) })
  })

  test.each(['run', 'profile', 'bench'])('Ctrl-C in %s', async (command) => {
    const { child, result } = startCli([command, long, '--inputs', longInputs, '--threads', '1'])
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk) => /run|measure/.test(String(chunk)) && resolve())
    })
    await sleep(300)
    const started = performance.now()
    child.kill('SIGINT')
    expect(await result).toMatchObject({ code: 130, stdout: '' })
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test.each(['thread', 'process'])('--timeout in a %s', async (isolation) => {
    const started = performance.now()
    const { code, stderr } = await cli([
      ...['run', long, '--inputs', longInputs, '--threads', '1'],
      ...['--isolation', isolation, '--timeout', '1'],
    ])
    expect(code).toBe(1)
    expect(stderr).toContain('ERR_TIMEOUT: not done within 1000 ms')
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

test('help names every command, and each command its options', async () => {
  const { stdout } = await cli(['--help'])
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+) .*[[<]/gm)].map((match) => match[1] as string)
  expect(commands).toEqual([
    'compile',
    'run',
    'verify',
    'bench',
    'profile',
    'tune',
    'run-all',
    'inspect',
    'results',
    'report',
    'serve',
    'boards',
    'micro',
    'tracker',
    'server',
    'query-tracker',
    'cache',
    'doctor',
    'help',
  ])
  for (const command of commands.slice(0, -1)) {
    const help = await cli(['help', command])
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('--json') })
  }
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect((await cli(['--version'])).stdout).toBe(`${version}\n`)
})
