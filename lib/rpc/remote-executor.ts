import type { Module, NDArray, PackedFunc } from '../runtime/index.js'
import type { ArtifactMetadata } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import type { BoardUsage, OperatorProfile, ProfileReport } from '../session/session.js'
import { summarize } from '../statistics.js'
import type { Tensor } from '../tensor.js'
import { timeOnBoard } from './board-timing.js'
import { need } from './remote-function.js'

/** A network on a board: code, executor and tensors are there. */
export abstract class RemoteExecutor {
  private readonly inputs: readonly NDArray[]
  private readonly outputs: readonly NDArray[]
  protected readonly runOnce: PackedFunc

  /** @param keys - By what the executor knows its inputs. */
  protected constructor(
    protected readonly session: Module,
    protected readonly metadata: ArtifactMetadata,
    private readonly executor: Module,
    keys: readonly (string | number)[],
  ) {
    using getInput = need(executor, 'get_input')
    this.inputs = keys.map((key) => getInput(key) as NDArray)
    using getOutput = need(executor, 'get_output')
    this.outputs = metadata.outputs.map((_, i) => getOutput(i) as NDArray)
    this.runOnce = need(executor, 'run')
  }

  run(inputs: NamedTensors): NamedTensors {
    this.setInputs(inputs)
    this.runOnce()
    return this.readOutputs()
  }

  /** Times whole runs on the board itself, then each operator. */
  profile(inputs: NamedTensors, repeat: number): ProfileReport {
    const outputs = this.run(inputs)
    const times = timeOnBoard(this.session, this.executor, 'run', [], { number: 1, repeat })
    return {
      outputs,
      metrics: { latencyUs: summarize(times.map((seconds) => seconds * 1e6)) },
      profile: this.timeOperators(inputs),
    }
  }

  protected abstract timeOperators(inputs: NamedTensors): readonly OperatorProfile[]

  /** What the board says of itself, where it does. */
  usage(): BoardUsage | undefined {
    return undefined
  }

  /** Frees what the board holds of the network. */
  dispose(): void {
    for (const handle of [...this.inputs, ...this.outputs, this.runOnce, this.executor]) handle.dispose()
  }

  private setInputs(inputs: NamedTensors): void {
    for (const [i, { name }] of this.metadata.inputs.entries())
      this.inputs[i]?.copyFrom(inputs[name] as Tensor)
  }

  private readOutputs(): NamedTensors {
    return Object.fromEntries(
      this.metadata.outputs.map(({ name, dtype, shape }, i) => {
        const { data } = (this.outputs[i] as NDArray).toTensor()
        return [name, { dtype, shape: [...shape], data }]
      }),
    )
  }
}
