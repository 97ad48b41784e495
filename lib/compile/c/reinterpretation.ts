import type { Op } from '../../ir/op.js'
import { call, type PrimExpr } from '../../ir/tir.js'
import type { TvmArg, TvmArray } from '../../runtime/index.js'
import { lowerPass } from '../lower-pass.js'

/**
 * TVM's C code generator reads the bits of numbers through pointers of another type (v0.18, src/target/source/codegen_c.cc),
 * which C's rules of aliasing forbid: compilers that use them make other code of it. Here these become calls of functions
 * that go through a union, and the source defines them in place of declarations.
 */
const MARK = 'tvm_node_bits'

/** The pass, in the form of TVM's configuration `tir.add_lower_pass`. */
export function reinterpretInUnions(): readonly TvmArg[] {
  return lowerPass('ReinterpretInUnions', 'tir.Call', (expression: PrimExpr) => {
    if ((expression.get('op') as Partial<Op>).name !== 'tir.reinterpret') return null
    const [value] = (expression.get('args') as TvmArray<PrimExpr>).toArray()
    const { dtype } = expression
    if (!value || value.dtype === dtype) return null
    return call(dtype, 'call_pure_extern', `${MARK}_${value.dtype}_${dtype}`, value)
  })
}

/** Generated C with the functions that the pass calls, each defined where it is first declared. */
export function defineReinterpretations(source: string): string {
  const defined = new Set<string>()
  return source.replaceAll(DECLARATION, (_, to: string, name: string, from: string) => {
    if (defined.has(name)) return ''
    defined.add(name)
    return definition(to, name, from)
  })
}
const DECLARATION = new RegExp(
  `#ifdef __cplusplus\\nextern "C"\\n#endif\\nTVM_DLL (\\w+) (${MARK}_\\w+)\\((\\w+)\\);\\n`,
  'g',
)

const definition = (to: string, name: string, from: string) => `static inline ${to} ${name}(${from} from) {
  union {
    ${from} from;
    ${to} to;
  } bits = {from};
  return bits.to;
}
`
