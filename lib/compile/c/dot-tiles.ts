import { DOT_TILE } from '../../ops/cpu/dot-tile.js'

/**
 * Generated C with the functions that sum tiles of products of bytes (see `ops/cpu/dot-tile.ts`), each defined where it is first
 * declared. Processors with Arm's DSP extension multiply two pairs at once (Arm, C Language Extensions, `__ARM_FEATURE_DSP`).
 */
export function defineDotTiles(source: string): string {
  const defined = new Set<string>()
  return source.replaceAll(DECLARATION, (_, name: string, columns: string, lanes: string) => {
    if (defined.has(name)) return ''
    const shared = defined.size === 0 ? SHARED : ''
    defined.add(name)
    return shared + definition(name, Number(columns), Number(lanes))
  })
}
const DECLARATION = new RegExp(
  `#ifdef __cplusplus\\nextern "C"\\n#endif\\nTVM_DLL \\w+ (${DOT_TILE}_(\\d+)x(\\d+))\\([^)]*\\);\\n`,
  'g',
)

/** Four bytes as two pairs of 16 bits, and how a sum takes the products of two such pairs. */
const SHARED = `#include <string.h>
#ifdef __ARM_FEATURE_DSP
#include <arm_acle.h>
typedef struct {
  int16x2_t even, odd;
} tvm_node_quad_t;
static inline __attribute__((always_inline)) tvm_node_quad_t tvm_node_quad(const int8_t* bytes) {
  int8x4_t word;
  tvm_node_quad_t quad;
  memcpy(&word, bytes, sizeof word);
  quad.even = __sxtb16(word);
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(quad.odd) : "r"(word));
  return quad;
}
static inline __attribute__((always_inline)) int32_t tvm_node_add(int32_t sum, tvm_node_quad_t a, tvm_node_quad_t b) {
  return __smlad(a.odd, b.odd, __smlad(a.even, b.even, sum));
}
#else
typedef struct {
  int8_t bytes[4];
} tvm_node_quad_t;
static inline __attribute__((always_inline)) tvm_node_quad_t tvm_node_quad(const int8_t* bytes) {
  tvm_node_quad_t quad;
  memcpy(quad.bytes, bytes, sizeof quad.bytes);
  return quad;
}
static inline __attribute__((always_inline)) int32_t tvm_node_add(int32_t sum, tvm_node_quad_t a, tvm_node_quad_t b) {
  return sum + a.bytes[0] * b.bytes[0] + a.bytes[1] * b.bytes[1] + a.bytes[2] * b.bytes[2] + a.bytes[3] * b.bytes[3];
}
#endif
`

function definition(name: string, columns: number, lanes: number): string {
  const range = (count: number) => Array.from({ length: count }, (_, i) => i)
  const each = (line: (column: number, lane: number) => string) =>
    range(columns)
      .flatMap((column) => range(lanes).map((lane) => line(column, lane)))
      .join('')
  return `static inline __attribute__((always_inline)) int32_t ${name}(
    void* tile, const void* data_bytes, const void* weight_bytes, int32_t sum_step, int32_t data_step, int32_t weight_step,
    int32_t count, int32_t is_more) {
  int32_t* sums = (int32_t*)tile;
  const int8_t* data = (const int8_t*)data_bytes;
  const int8_t* weight = (const int8_t*)weight_bytes;
${each((c, l) => `  int32_t s${c}_${l} = is_more ? sums[${c} * sum_step + ${l}] : 0;\n`)}  for (int32_t i = 0; i < count; ++i) {
${range(columns)
  .map((c) => `    const tvm_node_quad_t d${c} = tvm_node_quad(data + ${c} * data_step);\n`)
  .join('')}${range(lanes)
  .map(
    (l) => `    {
      const tvm_node_quad_t w = tvm_node_quad(weight + ${4 * l});
${range(columns)
  .map((c) => `      s${c}_${l} = tvm_node_add(s${c}_${l}, d${c}, w);\n`)
  .join('')}    }
`,
  )
  .join('')}    data += 4;
    weight += weight_step;
  }
${each((c, l) => `  sums[${c} * sum_step + ${l}] = s${c}_${l};\n`)}  return 0;
}
`
}
