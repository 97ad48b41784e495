/**
 * The source that tells a board's program of the operators in it (see `native/board/include/model.h`), of which the host finds each by
 * its name in the system library.
 *
 * @param names - Functions of TVM's packed calling convention.
 */
export function operatorTable(names: readonly string[]): string {
  const declarations = names.map(
    (name) =>
      `int32_t ${name}(TVMValue* args, int* codes, int count, TVMValue* result, int* code, void* resource);\n`,
  )
  const entries = names.map((name) => `  {"${name}", ${name}},\n`)
  return `#include "model.h"

${declarations.join('')}
const board_operator_t model_operators[] = {
${entries.join('') || '  {0},\n'}};
const size_t model_operator_count = ${names.length};
const char* const model_name = "";
const board_tensor_t model_inputs[1] = {{0}};
const size_t model_input_count = 0;
const board_tensor_t model_outputs[1] = {{0}};
const size_t model_output_count = 0;
int32_t (*const model_run)(void) = NULL;
`
}
