import type { GraphProto, SparseTensorProto } from './schema.js'
import type { Value } from './value.js'

/** What converters may ask of the import that they are part of. */
export interface ImportContext {
  /** Imports a graph held by an attribute of the node, which sees the names around the node; yields its outputs. */
  importSubgraph(graph: GraphProto, inputs: readonly Value[]): Value[]
  /** The dense constant of a sparse one. */
  readSparse(sparse: SparseTensorProto): Value
}
