import { importModel } from '../../frontend/onnx/import.js'
import { IRModule } from '../../ir/module.js'
import { Call, Op, TensorType, TupleType, type Type, typeOf } from '../../ir/relay.js'
import { rewrite } from '../../ir/rewrite.js'
import { runPass } from '../../ir/transform.js'
import { registerOperators } from '../../ops/register.js'
import { openLibrary } from '../../runtime/index.js'
import { byteLength, type DType, isDType } from '../../tensor.js'
import type { CountedCall, CountOptions } from './count.js'
import { constantsOf, macsOf } from './macs.js'

/** The engine's side of `countOperators`. */
export function run({ model, shapes, constants }: CountOptions & { readonly model: string }): CountedCall[] {
  openLibrary({ kind: 'compiler' })
  registerOperators()
  const { func } = importModel(model, { shapes: shapes ?? {}, constants: constants ?? {} })
  const mod = runPass('InferType', IRModule.fromFunction(func)) as IRModule
  const calls: CountedCall[] = []
  // Weights that several calls share are counted where they come first.
  const seen = new Set<number>()
  rewrite(mod.lookup(), (expr) => {
    if (expr instanceof Call && expr.op instanceof Op) {
      const fresh = constantsOf(expr).filter(({ address }) => !seen.has(address) && seen.add(address))
      const type = typeOf(expr)
      calls.push({
        operator: expr.op.name,
        output: describe(type),
        macs: macsOf(expr),
        parameterBytes: fresh.reduce((sum, constant) => sum + bytesOf(typeOf(constant)), 0),
        outputBytes: bytesOf(type),
      })
    }
    return expr
  })
  return calls
}

function bytesOf(type: Type): number {
  if (type instanceof TupleType) return type.fields.reduce((sum, field) => sum + bytesOf(field), 0)
  if (!(type instanceof TensorType)) return 0
  const { dtype, shape } = type
  return isDType(dtype) ? byteLength(dtype as DType, shape) : 0
}

function describe(type: Type): string {
  if (type instanceof TupleType) return `(${type.fields.map(describe).join(', ')})`
  return type instanceof TensorType ? `${type.dtype}[${type.shape}]` : String(type)
}
