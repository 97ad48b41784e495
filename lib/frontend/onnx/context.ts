import type { Captured } from './machine-loop.js'
import type { GraphProto, SparseTensorProto } from './schema.js'
import type { Value } from './value.js'

/** What converters may ask of the import that they are part of. */
export interface ImportContext {
  /**
   * Imports a graph held by an attribute of the node, which sees the names around the node; yields its outputs.
   *
   * @param captured - Adopts what is around, where the graph is a step of a loop that a run decides on.
   */
  importSubgraph(graph: GraphProto, inputs: readonly Value[], captured?: Captured): Value[]
  /** The dense constant of a sparse one. */
  readSparse(sparse: SparseTensorProto): Value
}
