#define _POSIX_C_SOURCE 200809L
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[LONGEST_PATH / 2];

const char* files_begin(void) {
  const char* const base = getenv("TMPDIR");
  const int size = snprintf(folder, sizeof folder, "%s/tvm-agent-XXXXXX", base == NULL || *base == '\0' ? "/tmp" : base);
  if (size < 0 || (size_t)size >= sizeof folder) return "the path of the folder for temporary files is too long";
  return mkdtemp(folder) == NULL || chdir(folder) != 0 ? "no folder can be made for the session" : NULL;
}

void files_end(void) {
  DIR* const entries = opendir(folder);
  if (entries == NULL) return;
  for (const struct dirent* entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    char path[LONGEST_PATH + 256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    (void)unlink(path);
  }
  (void)closedir(entries);
  (void)rmdir(folder);
}

const char* files_path(const span_t* name, char path[LONGEST_PATH]) {
  if (name->size == 0 || name->size > 200 || memchr(name->data, '/', name->size) != NULL ||
      memchr(name->data, '\0', name->size) != NULL || name->data[0] == '.')
    return "a file on the board is named without folders";
  (void)snprintf(path, LONGEST_PATH, "%s/%.*s", folder, (int)name->size, name->data);
  return NULL;
}

static FILE* open_named(const span_t* name, const char* mode, const char** wrong) {
  char path[LONGEST_PATH];
  *wrong = files_path(name, path);
  if (*wrong != NULL) return NULL;
  /* A library that is loaded keeps its file. */
  if (*mode == 'w') (void)unlink(path);
  FILE* const file = fopen(path, mode);
  if (file == NULL) *wrong = errno == ENOENT ? "the board has no such file" : "the file cannot be opened on the board";
  return file;
}

const char* files_write(const span_t* name, const span_t* bytes) {
  const char* wrong = NULL;
  FILE* const file = open_named(name, "wb", &wrong);
  if (file == NULL) return wrong;
  const bool whole = fwrite(bytes->data, 1, bytes->size, file) == bytes->size;
  const bool closed = fclose(file) == 0;
  if (whole && closed) return NULL;
  (void)files_remove(name);
  return "the file cannot be written: there may be no space left on the board";
}

const char* files_read(const span_t* name, char** bytes, size_t* size) {
  const char* wrong = NULL;
  FILE* const file = open_named(name, "rb", &wrong);
  if (file == NULL) return wrong;
  long end = -1;
  if (fseek(file, 0, SEEK_END) == 0) end = ftell(file);
  rewind(file);
  *size = end < 0 ? 0 : (size_t)end;
  *bytes = end < 0 ? NULL : malloc(*size + 1);
  if (*bytes == NULL || fread(*bytes, 1, *size, file) != *size) wrong = "the file cannot be read on the board";
  (void)fclose(file);
  return wrong;
}

const char* files_remove(const span_t* name) {
  char path[LONGEST_PATH];
  const char* const wrong = files_path(name, path);
  /* As TVM's servers do, which clients ask to remove what is not there. */
  if (wrong == NULL) (void)unlink(path);
  return NULL;
}
