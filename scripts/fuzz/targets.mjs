// What reads files and arguments of strangers, each with inputs for it. A target is `start(folder)`, which ends with a function that
// makes an input of a mutator and gives it to the reader; `modules` are the reader's own.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url))

/** In place of a name that what writes archives does not take. */
const STAND_IN = '__prxto__'

export const targets = {
  artifact: {
    modules: ['session/artifact.js', 'session/tar.js', 'session/check-metadata.js'],
    async start() {
      const { checkProcessor, parseArtifact } = await dist('session/artifact.js')
      const { tarEnd, tarPieces } = await dist('session/tar.js')
      const code = Buffer.concat([
        Buffer.from('\x7fELF'),
        Buffer.alloc(14),
        Buffer.from([62, 0]),
        Buffer.alloc(200),
      ])
      const body = (metadata, members) =>
        Buffer.concat(tarPieces({ 'artifact.json': [metadata], ...members }))
      const sha = (bytes) => createHash('sha256').update(bytes)
      const members = {
        'lib.so': [code],
        'graph.json': [Buffer.from('{}')],
        'params.bin': [Buffer.alloc(64)],
      }
      const metadata = {
        format: 1,
        name: 'net',
        createdBy: '0.1.0',
        modelHash: 'a'.repeat(64),
        target: 'llvm -mcpu=haswell',
        cpuFeatures: ['avx2'],
        libraryVersion: '0.18.0',
        libraryCommit: 'none',
        executor: 'graph',
        optLevel: 3,
        inputs: [{ name: 'x', internal: 'x', shape: [1, 3], dtype: 'float32' }],
        outputs: [{ name: 'y', shape: [1, 2], dtype: 'int64' }],
        assumed: [{ input: 'x', axis: 0, extent: 1 }],
        quantized: false,
        structure: { inputs: {}, outputs: {} },
        schedules: [{ implementation: 'conv2d', source: 'untuned' }],
        members: Object.fromEntries(
          Object.entries(members).map(([name, [data]]) => [
            name,
            { size: data.length, sha256: sha(data).digest('hex') },
          ]),
        ),
      }
      return (mutator) => {
        const edited = mutator.chance(0.5) ? mutator.tree(metadata) : metadata
        const json = Buffer.from(JSON.stringify(edited) ?? 'undefined')
        let bytes = body(mutator.chance(0.2) ? mutator.bytes(json) : json, members)
        if (mutator.chance(0.5)) bytes = mutator.bytes(bytes)
        // Most get a right sum, which an attacker can make too: what is behind it must hold.
        const hash = sha(mutator.chance(0.9) ? bytes : Buffer.alloc(0))
        const whole = Buffer.concat([
          bytes,
          ...tarPieces({ SHA256: [Buffer.from(`${hash.copy().digest('hex')}\n`)] }),
          tarEnd,
        ])
        checkProcessor(parseArtifact('fuzz.tvm', whole, hash))
      }
    },
  },
  npz: {
    modules: ['npz.js', 'npy.js'],
    async start() {
      const { decodeNpz, encodeNpz } = await dist('npz.js')
      const { zipSync } = await import('fflate')
      const { tensor } = await dist('tensor.js')
      const { encodeNpy } = await dist('npy.js')
      const plain = {
        x: tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
        n: tensor(BigInt64Array.of(5n), []),
        s: tensor(['ab', 'c'], [2]),
        b: tensor(Uint16Array.of(1, 2), [2], 'bfloat16'),
      }
      const files = Object.fromEntries(
        Object.entries(plain)
          .slice(0, 3)
          .map(([name, each]) => [`${name}.npy`, encodeNpy(each)]),
      )
      const bases = [encodeNpz(plain), zipSync(files, { level: 6 })]
      return (mutator) => {
        // Damage within the entries, which the sums of the archive would hide, or of the archive.
        if (mutator.chance(0.5)) {
          const damaged = Object.entries(files).map(([name, bytes]) => [
            mutator.chance(0.2) ? mutator.word().replace('__proto__', STAND_IN) : name,
            mutator.chance(0.6) ? mutator.bytes(bytes) : bytes,
          ])
          const archive = Buffer.from(zipSync(Object.fromEntries(damaged), { level: 0 })).toString('latin1')
          decodeNpz(Buffer.from(archive.replaceAll(STAND_IN, '__proto__'), 'latin1'))
        } else decodeNpz(mutator.bytes(mutator.pick(bases)))
      }
    },
  },
  records: {
    modules: ['schedule-config/log.js', 'schedule-config/record.js', 'schedule-config/search-record.js'],
    async start() {
      const { parseRecordLog } = await dist('schedule-config/log.js')
      const { encodeRecord } = await dist('schedule-config/record.js')
      const lines = recordLines
      const trees = lines.map((line) => JSON.parse(line))
      return (mutator) => {
        const text = mutator.chance(0.6)
          ? JSON.stringify(mutator.tree(mutator.pick(trees)))
          : mutator.text(mutator.pick(lines))
        for (const record of parseRecordLog(`${text}\n`, 'fuzz').records) encodeRecord(record)
      }
    },
  },
  config: {
    modules: ['config/compose.js', 'config/check.js', 'backend/config-file.js', 'backend/config.js'],
    async start(folder) {
      const { loadBackendConfig } = await dist('backend/config-file.js')
      const { resolveConfig } = await dist('backend/config.js')
      const path = join(folder, 'config.yaml')
      mkdirSync(join(folder, 'backend/board'), { recursive: true })
      writeFileSync(join(folder, 'backend/board/desk.yaml'), 'name: desk\ntarget: llvm\n')
      const text = [
        'defaults:\n  - backend/board: local_cpu\n  - backend/tuner: autotvm\n  - _self_\n',
        'backend:\n  val_batches: 2\n  val_frequency: 5\n  evaluation: { max_queue: 3 }\n  tuner:\n    task_budget: 16\n    mode: xgb\n    builder: { timeout: 20 }\n',
      ]
      const overrides = [
        'backend/tuner=autotvm',
        'backend.val_frequency=5',
        'backend=null',
        'backend/board=desk',
        '+backend.x=[1,{a: 2}]',
        '~backend.tuner',
      ]
      return (mutator) => {
        writeFileSync(path, mutator.text(mutator.chance(0.5) ? text.join('') : mutator.pick(text)))
        const given = mutator.chance(0.5)
          ? []
          : [mutator.pick(overrides), mutator.text(mutator.pick(overrides))]
        const loaded = loadBackendConfig(path, given)
        // A board may be a path, which is then what the user named.
        if (loaded && !/[/]|\.yaml$/.test(loaded.board)) resolveConfig(loaded)
      }
    },
  },
  metadata: {
    modules: [
      'automate/metadata.js',
      'automate/template.js',
      'config/file.js',
      'config/check.js',
      'automate/board-model.js',
    ],
    async start(folder) {
      const { readMetadata } = await dist('automate/metadata.js')
      // A description is read with no others beside it.
      const places = Object.entries({ boards: board, compilers: compiler }).map(([kind, text]) => {
        const place = join(folder, kind)
        mkdirSync(join(place, kind, 'desk'), { recursive: true })
        return { place, file: join(place, kind, 'desk/description.yml'), text }
      })
      return (mutator) => {
        const { place, file, text } = mutator.pick(places)
        writeFileSync(file, mutator.text(text))
        const { faults } = readMetadata({
          metadata: place,
          metadata_url: null,
          metadata_ref: 'main',
          toolroot: join(folder, 'tools'),
          boardroot: join(folder, 'boards'),
        })
        if (faults.length > 0) throw faults[0]
      }
    },
  },
  arguments: {
    modules: ['cli/program.js', 'cli/options.js', 'cli/network-options.js'],
    async start() {
      const { createProgram } = await dist('cli/program.js')
      const { CommanderError } = await import('commander')
      const program = createProgram()
      for (const each of [program, ...program.commands]) {
        each.exitOverride().configureOutput({ writeOut() {}, writeErr() {} })
        for (const inner of each.commands)
          inner.exitOverride().configureOutput({ writeOut() {}, writeErr() {} })
      }
      const commands = program.commands.filter((command) => command.name() !== 'help')
      return (mutator) => {
        let command = mutator.pick(commands)
        const argv = [command.name()]
        if (command.commands.length > 0) {
          command = mutator.pick(command.commands)
          argv.push(command.name())
        }
        for (let count = mutator.below(5); count > 0; count--) {
          const { long } = mutator.pick(command.options)
          argv.push(mutator.chance(0.2) ? mutator.text(long ?? '--x') : (long ?? '-x'))
          if (mutator.chance(0.7))
            argv.push(
              mutator.chance(0.4)
                ? mutator.word()
                : mutator.pick(['8', 'x=1,3', 'llvm', 'model.onnx', '1.5', 'a:9000']),
            )
        }
        for (let count = mutator.below(3); count > 0; count--) argv.push(mutator.word())
        try {
          program.parse(argv, { from: 'user' })
        } catch (error) {
          if (!(error instanceof CommanderError)) throw error
        }
      }
    },
  },
}

/** A record of a template and one of a schedule without, as TVM writes them. */
const recordLines = [
  '{"input": ["llvm -keys=cpu -mcpu=skylake", "demo/mm", [8, 12, "float32", [1, [2, 3], null]], {}], "config": {"index": 5, "code_hash": null, "entity": [["tile_y", "sp", [-1, 2]], ["ord", "re", [1, 2, 0]], ["ann", "an", ["none", "unroll"]], ["unroll", "ot", 512]]}, "result": [[0.0012, 0.0013], 0, 1.75, 1700000000.25], "version": 0.2, "tvm_version": "0.18.0"}',
  '{"i": [["[\\"abc\\", 1, 64, 64]", "llvm -keys=cpu -mcpu=skylake", [8, 64, 64, 0, 0, 0, 0, 0], "", 1, []], [[], [["SP", 0, 0, 16, [1, 4], 1], ["RE", 0, [0, 1]], ["AN", 0, 2, 2]]]], "r": [[0.002, 0.0021], 0, 1.5, 1700000000], "v": "v0.6"}',
]
const board = `name: desk
board: desk top
rundir: /tmp/\${board_name}
gateway: { host: gate, username: me, port: 22 }
connections:
  - host: \${board_name}.lab
    username: pi
  - { device: /dev/ttyUSB0, baudrate: 115200 }
cores:
  - { os_id: 0, isa: armv8-a, implementer: arm, extensions: [simd] }
os:
  triple: { machine: aarch64, os: linux, environment: gnu }
  release: "12"
  kernels:
    - { name: default, config: \${model_dir}/config, image: { build_path: a, deploy_path: b }, default: true }
doc:
  - { title: manual, loc: \${model_dir}/manual.pdf }
power_supply: { voltage: 5.1 }
reset: [ "reset \${board}" ]
`
const compiler = `name: gcc
version: 12.2
toolchain: gcc
basedir: \${toolroot}/gcc
cc: \${basedir}/bin/gcc
triples:
  - { machine: aarch64, os: linux, environment: gnu }
isa_map: { armv8-a: -march=armv8-a, other: [ -m, x ] }
`
