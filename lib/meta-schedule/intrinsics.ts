import { block, element, primFunc, whole } from '../ir/block.js'
import { type Buffer, declareBuffer, loop } from '../ir/stmt.js'
import type { Target } from '../ir/target.js'
import { add, cast, mul, type Var } from '../ir/tir.js'
import { addDotProducts, DOT, hasDotProduct } from '../ops/cpu/dot-product.js'
import { getGlobalFunc, type TvmObject } from '../runtime/index.js'

const registered = new Set<string>()

/**
 * Makes the target's instruction for sums of products of bytes known to schedules (TVM v0.18, python/tvm/tir/tensor_intrin), under
 * TVM's name where it has one, so that its records apply here and ours there.
 *
 * @returns The name; undefined where the target has no such instruction.
 */
export function dotProductIntrinsic(target: Target): string | undefined {
  if (!target.dotProductData) return undefined
  const lanes = target.isX86 ? target.simdLanes32 : 4
  const name = nameOf(lanes, target)
  if (!registered.has(name)) {
    registered.add(name)
    const made = getGlobalFunc('tir.TensorIntrin')(description(lanes, target), instruction(lanes, target))
    getGlobalFunc('tir.TensorIntrinRegister')(name, made, true)
  }
  return name
}

function nameOf(lanes: number, target: Target): string {
  if (!target.isX86) return 'dot_4x4_i8i8s32_sdot'
  const sets: Readonly<Record<number, string>> = { 4: 'sse2', 8: 'avx2', 16: 'avx512' }
  return `dot_${lanes}x${DOT}_${hasDotProduct(lanes, target) ? 'vnni' : sets[lanes]}`
}

/** Data [4], weight [lanes, 4] and sums [lanes]. */
type Operands = readonly [data: Buffer, weight: Buffer, sums: Buffer]

function operands(lanes: number, target: Target): Operands {
  const placed = { offsetFactor: 1 }
  return [
    declareBuffer([DOT], target.dotProductData ?? 'uint8', 'A', placed),
    declareBuffer([lanes, DOT], 'int8', 'B', placed),
    declareBuffer([lanes], 'int32', 'C', placed),
  ]
}

function functionOf(
  lanes: number,
  target: Target,
  body: (buffers: Operands) => ReturnType<typeof loop>,
): TvmObject {
  const buffers = operands(lanes, target)
  const [data, weight, sums] = buffers
  const root = block({
    name: 'root',
    reads: () => [whole(sums, [lanes]), whole(data, [DOT]), whole(weight, [lanes, DOT])],
    writes: () => [whole(sums, [lanes])],
    body: () => body(buffers),
  })
  return primFunc(buffers, root)
}

/** What is computed: the loops that a schedule looks for. */
function description(lanes: number, target: Target): TvmObject {
  return functionOf(lanes, target, ([data, weight, sums]) =>
    loop(lanes, (i) =>
      loop(DOT, (k) =>
        block({
          name: 'update',
          axes: [
            { name: 'vi', extent: lanes, kind: 'DATA_PARALLEL', value: i },
            { name: 'vk', extent: DOT, kind: 'REDUCE', value: k },
          ],
          reads: ([vi, vk]) => [
            element(sums, vi as Var),
            element(data, vk as Var),
            element(weight, vi as Var, vk as Var),
          ],
          writes: ([vi]) => [element(sums, vi as Var)],
          body: (axes) => {
            const [vi, vk] = axes as [Var, Var]
            const product = mul(cast(data.at(vk), 'int32'), cast(weight.at(vi, vk), 'int32'))
            return sums.store(add(sums.at(vi), product), vi)
          },
        }),
      ),
    ),
  )
}

/** How it is computed. */
function instruction(lanes: number, target: Target): TvmObject {
  return functionOf(lanes, target, ([data, weight, sums]) =>
    sums.storeVector(addDotProducts(sums.vector(`int32x${lanes}`, 0), data, weight, target), 0),
  )
}
