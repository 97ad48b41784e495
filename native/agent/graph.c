#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "board.h"
#include "library.h"

static const char kNoMemory[] = "this board has not enough memory for the network";
static const char kBad[] = "the network's graph is not as TVM writes it";

enum { MOST_DIMS = 32 };

/* Values of one of the graph's lists, `["list_int", [...]]`; 0 where there is none of that name. */
static size_t list_of(const json_t* json, size_t attrs, const char* name, size_t count) {
  const size_t pair = json_member(json, attrs, name);
  if (pair == 0 || json->values[pair].kind != JSON_LIST || json->values[pair].count != 2) return 0;
  const size_t list = json->values[json_first(pair)].next;
  return json->values[list].kind == JSON_LIST && json->values[list].count == count ? list : 0;
}

static bool dtype_of(const span_t* text, DLDataType* dtype) {
  static const struct {
    const char* name;
    uint8_t code;
  } kinds[] = {{"int", kDLInt}, {"uint", kDLUInt}, {"float", kDLFloat}, {"bfloat", kDLBfloat}};
  if (text_equals(text, "bool")) {
    *dtype = (DLDataType){kDLUInt, 1, 1};
    return true;
  }
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    const size_t size = strlen(kinds[i].name);
    if (text->size <= size || text->size > size + 2 || memcmp(text->data, kinds[i].name, size) != 0) continue;
    const char digits[3] = {text->data[size], text->size > size + 1 ? text->data[size + 1] : '\0', '\0'};
    char* end = NULL;
    const long bits = strtol(digits, &end, 10);
    if (end == digits || *end != '\0' || bits <= 0) continue;
    *dtype = (DLDataType){kinds[i].code, (uint8_t)bits, 1};
    return true;
  }
  return false;
}

static DLTensor tensor_of(const board_tensor_t* entry) {
  return (DLTensor){.data = entry->data,
                    .device = {kDLCPU, 0},
                    .ndim = entry->ndim,
                    .dtype = entry->dtype,
                    .shape = (int64_t*)(uintptr_t)entry->shape};
}

static const char* read_entries(graph_t* graph, size_t attrs) {
  const json_t* const json = &graph->json;
  const size_t count = graph->entry_count;
  const size_t dtypes = list_of(json, attrs, "dltype", count);
  const size_t shapes = list_of(json, attrs, "shape", count);
  const size_t storages = list_of(json, attrs, "storage_id", count);
  if (dtypes == 0 || shapes == 0 || storages == 0) return kBad;
  graph->entries = calloc(count + 1, sizeof *graph->entries);
  graph->shapes = calloc(json->count, sizeof *graph->shapes);
  graph->storages = calloc(count + 1, sizeof *graph->storages);
  uint64_t* const sizes = calloc(count + 1, sizeof *sizes);
  if (graph->entries == NULL || graph->shapes == NULL || graph->storages == NULL || sizes == NULL) {
    free(sizes);
    return kNoMemory;
  }
  const char* wrong = NULL;
  int64_t* shape = graph->shapes;
  size_t dtype = json_first(dtypes);
  size_t dims = json_first(shapes);
  size_t storage = json_first(storages);
  for (size_t i = 0; i < count && wrong == NULL; i++) {
    board_tensor_t* const entry = &graph->entries[i];
    const json_value_t* const list = &json->values[dims];
    const int64_t id = json_number(json, storage);
    if (list->kind != JSON_LIST || list->count > MOST_DIMS || id < 0 || (size_t)id >= count ||
        !dtype_of(&json->values[dtype].text, &entry->dtype)) {
      wrong = kBad;
      break;
    }
    entry->ndim = (int32_t)list->count;
    entry->shape = shape;
    for (size_t dim = json_first(dims); dim < list->next; dim++) *shape++ = json_number(json, dim);
    const DLTensor tensor = tensor_of(entry);
    const uint64_t bytes = tensor_bytes(&tensor);
    if (bytes > SIZE_MAX / 2) wrong = kBad;
    entry->bytes = (size_t)bytes;
    if (bytes > sizes[id]) sizes[id] = bytes;
    if ((size_t)id >= graph->storage_count) graph->storage_count = (size_t)id + 1;
    dtype = json->values[dtype].next;
    dims = json->values[dims].next;
    storage = json->values[storage].next;
  }
  for (size_t i = 0; i < graph->storage_count && wrong == NULL; i++) {
    graph->storages[i] = arena_allocate(sizes[i]);
    if (graph->storages[i] == NULL) wrong = kNoMemory;
  }
  storage = json_first(storages);
  for (size_t i = 0; i < count && wrong == NULL; i++, storage = json->values[storage].next)
    graph->entries[i].data = graph->storages[json_number(json, storage)];
  free(sizes);
  return wrong;
}

/* A network's own numbering of tensors: the first of a node, of which a node has several. */
static bool entry_of(const graph_t* graph, size_t row_ptr, int64_t node, int64_t output, size_t* entry) {
  const json_t* const json = &graph->json;
  if (node < 0 || output < 0 || (size_t)node >= json->values[row_ptr].count) return false;
  /* Numbers have no values within them: they follow each other. */
  *entry = (size_t)(json_number(json, json_first(row_ptr) + (size_t)node) + output);
  return *entry < graph->entry_count;
}

static bool entry_of_pair(const graph_t* graph, size_t row_ptr, size_t pair, size_t* entry) {
  const json_t* const json = &graph->json;
  if (json->values[pair].kind != JSON_LIST || json->values[pair].count < 2) return false;
  const size_t first = json_first(pair);
  return entry_of(graph, row_ptr, json_number(json, first), json_number(json, first + 1), entry);
}

static const char* prepare_call(graph_call_t* call, int most) {
  call->tensors = calloc((size_t)most + 1, sizeof *call->tensors);
  call->values = calloc((size_t)most + 1, sizeof *call->values);
  call->codes = calloc((size_t)most + 1, sizeof *call->codes);
  return call->tensors == NULL || call->values == NULL || call->codes == NULL ? kNoMemory : NULL;
}

static void add_argument(graph_t* graph, graph_call_t* call, size_t entry) {
  call->tensors[call->count] = tensor_of(&graph->entries[entry]);
  call->values[call->count].v_handle = &call->tensors[call->count];
  call->codes[call->count] = kTVMDLTensorHandle;
  call->count++;
}

static const char* read_call(graph_t* graph, unsigned library, size_t row_ptr, size_t node, size_t index) {
  static char problem[320];
  const json_t* const json = &graph->json;
  const size_t attrs = json_member(json, node, "attrs");
  const size_t inputs = json_member(json, node, "inputs");
  if (attrs == 0 || inputs == 0) return kBad;
  const size_t name = json_member(json, attrs, "func_name");
  const size_t outputs = json_member(json, attrs, "num_outputs");
  if (name == 0 || outputs == 0 || json->values[inputs].kind != JSON_LIST) return kBad;
  const span_t* const text = &json->values[name].text;
  if (text_equals(text, "__nop")) return NULL;
  graph_call_t* const call = &graph->calls[graph->call_count++];
  const int64_t results = json_number(json, outputs);
  if (results < 1 || results > BOARD_MAX_ARGS) return kBad;
  call->name = *text;
  call->function = library_find(library, text);
  if (call->function == NULL) {
    (void)snprintf(problem, sizeof problem, "the library has no function '%.*s'", (int)(text->size < 256 ? text->size : 256), text->data);
    return problem;
  }
  const char* const wrong = prepare_call(call, (int)json->values[inputs].count + (int)results);
  if (wrong != NULL) return wrong;
  size_t entry = 0;
  for (size_t pair = json_first(inputs); pair < json->values[inputs].next; pair = json->values[pair].next) {
    if (!entry_of_pair(graph, row_ptr, pair, &entry)) return kBad;
    add_argument(graph, call, entry);
  }
  for (int64_t i = 0; i < results; i++) {
    if (!entry_of(graph, row_ptr, (int64_t)index, i, &entry)) return kBad;
    add_argument(graph, call, entry);
  }
  return NULL;
}

static const char* read_nodes(graph_t* graph, unsigned library, size_t nodes, size_t row_ptr) {
  const json_t* const json = &graph->json;
  graph->calls = calloc(json->values[nodes].count + 1, sizeof *graph->calls);
  if (graph->calls == NULL) return kNoMemory;
  size_t index = 0;
  for (size_t node = json_first(nodes); node < json->values[nodes].next; node = json->values[node].next, index++) {
    const size_t op = json_member(json, node, "op");
    if (op == 0) return kBad;
    if (text_equals(&json->values[op].text, "null")) continue;
    if (!text_equals(&json->values[op].text, "tvm_op")) return "the graph has nodes that are no operators";
    const char* const wrong = read_call(graph, library, row_ptr, node, index);
    if (wrong != NULL) return wrong;
  }
  return NULL;
}

static const char* read_ends(graph_t* graph, size_t nodes, size_t row_ptr, size_t arg_nodes, size_t heads) {
  const json_t* const json = &graph->json;
  const size_t node_count = json->values[nodes].count;
  size_t* const places = calloc(node_count + 1, sizeof *places);
  graph->input_count = json->values[arg_nodes].count;
  graph->output_count = json->values[heads].count;
  graph->input_names = calloc(graph->input_count + 1, sizeof *graph->input_names);
  graph->inputs = calloc(graph->input_count + 1, sizeof *graph->inputs);
  graph->outputs = calloc(graph->output_count + 1, sizeof *graph->outputs);
  if (places == NULL || graph->input_names == NULL || graph->inputs == NULL || graph->outputs == NULL) {
    free(places);
    return kNoMemory;
  }
  size_t index = 0;
  for (size_t node = json_first(nodes); node < json->values[nodes].next; node = json->values[node].next)
    places[index++] = node;
  const char* wrong = NULL;
  for (size_t i = 0; i < graph->input_count && wrong == NULL; i++) {
    const int64_t node = json_number(json, json_first(arg_nodes) + i);
    const size_t name = node >= 0 && (size_t)node < node_count ? json_member(json, places[node], "name") : 0;
    if (name == 0 || !entry_of(graph, row_ptr, node, 0, &graph->inputs[i])) wrong = kBad;
    else graph->input_names[i] = json->values[name].text;
  }
  size_t head = json_first(heads);
  for (size_t i = 0; i < graph->output_count && wrong == NULL; i++, head = json->values[head].next)
    if (!entry_of_pair(graph, row_ptr, head, &graph->outputs[i])) wrong = kBad;
  free(places);
  return wrong;
}

static const char* read_graph(graph_t* graph, unsigned library) {
  const json_t* const json = &graph->json;
  const size_t nodes = json_member(json, 0, "nodes");
  const size_t row_ptr = json_member(json, 0, "node_row_ptr");
  const size_t arg_nodes = json_member(json, 0, "arg_nodes");
  const size_t heads = json_member(json, 0, "heads");
  const size_t attrs = json_member(json, 0, "attrs");
  if (nodes == 0 || row_ptr == 0 || arg_nodes == 0 || heads == 0 || attrs == 0) return kBad;
  const size_t rows = json->values[row_ptr].count;
  if (rows == 0 || json->values[row_ptr].next != row_ptr + rows + 1 || rows != json->values[nodes].count + 1) return kBad;
  if (json->values[arg_nodes].next != arg_nodes + json->values[arg_nodes].count + 1) return kBad;
  const int64_t entries = json_number(json, json_first(row_ptr) + rows - 1);
  if (entries < 0 || (uint64_t)entries > json->count) return kBad;
  graph->entry_count = (size_t)entries;
  const char* wrong = read_entries(graph, attrs);
  if (wrong == NULL) wrong = read_ends(graph, nodes, row_ptr, arg_nodes, heads);
  return wrong == NULL ? read_nodes(graph, library, nodes, row_ptr) : wrong;
}

const char* graph_create(const span_t* text, unsigned library, graph_t** out) {
  graph_t* const graph = calloc(1, sizeof *graph);
  if (graph == NULL) return kNoMemory;
  graph->library = library;
  library_hold(library);
  graph->text = malloc(text->size + 1);
  if (graph->text == NULL) {
    graph_free(graph);
    return kNoMemory;
  }
  memcpy(graph->text, text->data, text->size);
  const char* const wrong = json_parse(graph->text, text->size, &graph->json) ? read_graph(graph, library) : kBad;
  if (wrong != NULL) graph_free(graph);
  else *out = graph;
  return wrong;
}

void graph_free(graph_t* graph) {
  for (size_t i = 0; i < graph->call_count; i++) {
    free(graph->calls[i].tensors);
    free(graph->calls[i].values);
    free(graph->calls[i].codes);
  }
  for (size_t i = 0; i < graph->storage_count; i++)
    if (graph->storages[i] != NULL) (void)arena_free(graph->storages[i]);
  json_free(&graph->json);
  free(graph->calls);
  free(graph->storages);
  free(graph->entries);
  free(graph->shapes);
  free(graph->input_names);
  free(graph->inputs);
  free(graph->outputs);
  free(graph->text);
  library_release(graph->library);
  free(graph);
}

int64_t graph_input(const graph_t* graph, const span_t* name) {
  for (size_t i = 0; i < graph->input_count; i++)
    if (name->size == graph->input_names[i].size && memcmp(name->data, graph->input_names[i].data, name->size) == 0)
      return (int64_t)i;
  return -1;
}

static const char* load_array(graph_t* graph, const span_t* name, reader_t* reader) {
  static const uint64_t kArray = 0xDD5E40F096B4A13FU;
  const uint64_t magic = read_u64(reader);
  (void)read_u64(reader);
  (void)read_u64(reader);
  const int32_t ndim = read_i32(reader);
  const DLDataType dtype = {read_u8(reader), read_u8(reader), read_u16(reader)};
  for (int32_t i = 0; i < ndim && !reader->failed; i++) (void)read_u64(reader);
  const uint64_t bytes = read_u64(reader);
  const uint8_t* const data = read_bytes(reader, bytes);
  if (reader->failed || magic != kArray) return "the parameters are damaged";
  const int64_t input = graph_input(graph, name);
  if (input < 0) return NULL;
  const board_tensor_t* const entry = &graph->entries[graph->inputs[input]];
  if (bytes != entry->bytes || dtype.code != entry->dtype.code || dtype.bits != entry->dtype.bits)
    return "a parameter is not of its input's size or type";
  if (bytes > 0) memcpy(entry->data, data, (size_t)bytes);
  return NULL;
}

const char* graph_load(graph_t* graph, const span_t* parameters) {
  static const uint64_t kList = 0xF7E58D4F05049CB7U;
  reader_t reader = {.at = (const uint8_t*)parameters->data, .left = parameters->size};
  if (read_u64(&reader) != kList) return "the bytes are no parameters";
  (void)read_u64(&reader);
  const uint64_t count = read_u64(&reader);
  reader_t names = reader;
  for (uint64_t i = 0; i < count && !reader.failed; i++) (void)read_bytes(&reader, read_u64(&reader));
  if (read_u64(&reader) != count || reader.failed) return "the parameters are damaged";
  for (uint64_t i = 0; i < count; i++) {
    span_t name = {.size = (size_t)read_u64(&names)};
    name.data = (const char*)read_bytes(&names, name.size);
    const char* const wrong = load_array(graph, &name, &reader);
    if (wrong != NULL) return wrong;
  }
  return NULL;
}

const char* graph_run(graph_t* graph, bool timed) {
  for (size_t i = 0; i < graph->call_count; i++) {
    graph_call_t* const call = &graph->calls[i];
    TVMValue value = {.v_int64 = 0};
    int code = kTVMNullptr;
    const uint64_t begin = timed ? port_ticks() : 0;
    if (call->function(call->values, call->codes, call->count, &value, &code, NULL) != 0) return library_error();
    if (timed) call->microseconds = (double)(port_ticks() - begin) * 1e6 / port_ticks_per_second;
  }
  return NULL;
}
