#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

typedef struct {
  const char* text;
  size_t size;
  size_t at;
  json_t* json;
  size_t capacity;
} parser_t;

static char peek(parser_t* parser) {
  while (parser->at < parser->size && strchr(" \t\r\n", parser->text[parser->at]) != NULL) parser->at++;
  return parser->at < parser->size ? parser->text[parser->at] : '\0';
}

static bool accept(parser_t* parser, char wanted) {
  if (peek(parser) != wanted) return false;
  parser->at++;
  return true;
}

/* Index of a new value, or SIZE_MAX. */
static size_t add(parser_t* parser, json_kind_t kind) {
  json_t* const json = parser->json;
  if (json->count == parser->capacity) {
    const size_t capacity = parser->capacity == 0 ? 256 : 2 * parser->capacity;
    json_value_t* const values = realloc(json->values, capacity * sizeof *values);
    if (values == NULL) return SIZE_MAX;
    json->values = values;
    parser->capacity = capacity;
  }
  json->values[json->count] = (json_value_t){.kind = kind};
  return json->count++;
}

static bool parse_text(parser_t* parser) {
  const size_t value = add(parser, JSON_TEXT);
  const size_t begin = ++parser->at;
  if (value == SIZE_MAX) return false;
  while (parser->at < parser->size && parser->text[parser->at] != '"')
    parser->at += parser->text[parser->at] == '\\' ? 2 : 1;
  if (parser->at >= parser->size) return false;
  parser->json->values[value].text = (span_t){parser->text + begin, parser->at - begin};
  parser->json->values[value].next = parser->json->count;
  parser->at++;
  return true;
}

static bool parse_bare(parser_t* parser) {
  const char first = peek(parser);
  const size_t begin = parser->at;
  while (parser->at < parser->size && strchr(",]} \t\r\n", parser->text[parser->at]) == NULL) parser->at++;
  if (parser->at == begin) return false;
  const bool digits = first == '-' || (first >= '0' && first <= '9');
  const size_t value = add(parser, digits ? JSON_NUMBER : JSON_WORD);
  if (value == SIZE_MAX) return false;
  parser->json->values[value].text = (span_t){parser->text + begin, parser->at - begin};
  parser->json->values[value].next = parser->json->count;
  return true;
}

static bool parse_value(parser_t* parser, int depth);

static bool parse_group(parser_t* parser, int depth, json_kind_t kind, char close) {
  const size_t group = add(parser, kind);
  size_t count = 0;
  parser->at++;
  if (group == SIZE_MAX) return false;
  while (!accept(parser, close)) {
    if (count > 0 && !accept(parser, ',')) return false;
    if (kind == JSON_OBJECT) {
      if (peek(parser) != '"' || !parse_text(parser) || !accept(parser, ':')) return false;
      count++;
    }
    if (!parse_value(parser, depth + 1)) return false;
    count++;
  }
  parser->json->values[group].count = count;
  parser->json->values[group].next = parser->json->count;
  return true;
}

static bool parse_value(parser_t* parser, int depth) {
  if (depth > DEEPEST) return false;
  switch (peek(parser)) {
    case '{':
      return parse_group(parser, depth, JSON_OBJECT, '}');
    case '[':
      return parse_group(parser, depth, JSON_LIST, ']');
    case '"':
      return parse_text(parser);
    default:
      return parse_bare(parser);
  }
}

bool json_parse(const char* text, size_t size, json_t* json) {
  parser_t parser = {.text = text, .size = size, .json = json};
  *json = (json_t){0};
  return parse_value(&parser, 0) && peek(&parser) == '\0';
}

void json_free(json_t* json) {
  free(json->values);
  *json = (json_t){0};
}

size_t json_member(const json_t* json, size_t object, const char* name) {
  if (json->values[object].kind != JSON_OBJECT) return 0;
  for (size_t key = object + 1; key < json->values[object].next; key = json->values[key + 1].next)
    if (text_equals(&json->values[key].text, name)) return key + 1;
  return 0;
}

int64_t json_number(const json_t* json, size_t value) {
  char digits[24] = {0};
  const span_t* const text = &json->values[value].text;
  if (text->size >= sizeof digits) return 0;
  memcpy(digits, text->data, text->size);
  return strtoll(digits, NULL, 10);
}
