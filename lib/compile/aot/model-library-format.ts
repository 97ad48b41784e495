import type { ArtifactPieces, TensorInfo } from '../../session/artifact.js'
import { parameterPieces } from '../../session/parameters.js'
import type { AotCode } from './code.js'
import { type AotNetwork, sizeInBytes } from './lower.js'

const VERSION = 7
const CPU = 1
/** The version of TVM whose tools read the archive. */
const TVM_VERSION = '0.18.0'

/**
 * The members of an archive in TVM's Model Library Format (v0.18, python/tvm/micro/model_library_format.py). In place of TVM's C
 * runtime, which the code does not need, `runtime` has the headers that it includes.
 *
 * @param relay - The network as text.
 * @param date - When it was made; the format has no place for a time zone and takes local time.
 */
export function modelLibraryFormat(
  network: AotNetwork,
  code: AotCode,
  relay: string,
  date: Date,
): ArtifactPieces {
  const { name } = network.interface
  const host = './codegen/host'
  const files = (folder: string, map: ReadonlyMap<string, Buffer>) =>
    [...map].map(([file, data]) => [`${folder}/${file}`, [data]] as const)
  return Object.fromEntries([
    ['./metadata.json', [Buffer.from(`${JSON.stringify(describe(network, date), null, 2)}\n`)]],
    ...files(`${host}/src`, code.sources),
    ...files(`${host}/lib`, code.objects),
    [`${host}/include/tvmgen_${name}.h`, [Buffer.from(network.header)]],
    [`./parameters/${name}.params`, parameterPieces(new Map())],
    [`./src/${name}.relay`, [Buffer.from(relay)]],
    ...files('./runtime/include', code.headers),
  ])
}

function describe({ interface: about, operators, main, target }: AotNetwork, date: Date) {
  const { name, inputs, outputs } = about
  return {
    modules: {
      [name]: {
        executors: ['aot'],
        export_datetime: localTime(date),
        external_dependencies: [
          {
            short_name: 'tvm_standalone_crt',
            url: './runtime',
            url_type: 'mlf_path',
            version_spec: TVM_VERSION,
          },
        ],
        memory: {
          functions: {
            main: [
              {
                constants_size_bytes: main.constants,
                device: CPU,
                inputs: sizes(inputs),
                io_size_bytes: main.io,
                outputs: sizes(outputs),
                workspace_size_bytes: main.workspace,
              },
            ],
            operator_functions: operators.map((operator) => ({
              function_name: operator.name,
              workspace: [{ device: CPU, workspace_size_bytes: operator.workspace }],
            })),
          },
        },
        model_name: name,
        style: 'full-model',
        target: [String(target)],
      },
    },
    version: VERSION,
  }
}

function sizes(tensors: readonly TensorInfo[]) {
  return Object.fromEntries(
    tensors.map((tensor) => [tensor.name, { dtype: tensor.dtype, size: sizeInBytes(tensor) }]),
  )
}

function localTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}Z`
}
