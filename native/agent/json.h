/* Reads JSON in place: what is where, without copies. For texts that TVM writes: strings are compared as they are written. */
#ifndef TVM_NODE_AGENT_JSON_H_
#define TVM_NODE_AGENT_JSON_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"

typedef enum { JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT, JSON_WORD } json_kind_t;

/* One value. Those of a list or object follow it; keys are texts before their values. */
typedef struct {
  json_kind_t kind;
  span_t text;
  /* Values within a list; keys and values within an object, counted each. */
  size_t count;
  /* The value after this one and all within it. */
  size_t next;
} json_value_t;

typedef struct {
  json_value_t* values;
  size_t count;
} json_t;

/* False where the text is no JSON or there is no memory; `json_free` in any case. */
bool json_parse(const char* text, size_t size, json_t* json);
void json_free(json_t* json);

/* Index of an object's member, or 0, which is the root and no member. */
size_t json_member(const json_t* json, size_t object, const char* name);
/* Index of a list's first value; the others by `next`. */
static inline size_t json_first(size_t list) { return list + 1; }
int64_t json_number(const json_t* json, size_t value);

#endif /* TVM_NODE_AGENT_JSON_H_ */
