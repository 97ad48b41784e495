/* Files of a session: in its own folder, by names without folders. */
#ifndef TVM_NODE_AGENT_FILES_H_
#define TVM_NODE_AGENT_FILES_H_

#include <stddef.h>

#include "call.h"

enum { LONGEST_PATH = 512 };

/* Makes a folder for a session and makes it the current one. NULL, or what is wrong. */
const char* files_begin(void);
/* Removes it and what is in it. */
void files_end(void);

/* The path of a file by a name of the host's; each returns NULL, or what is wrong. */
const char* files_path(const span_t* name, char path[LONGEST_PATH]);
const char* files_write(const span_t* name, const span_t* bytes);
/* The file's bytes, which the caller frees. */
const char* files_read(const span_t* name, char** bytes, size_t* size);
const char* files_remove(const span_t* name);

#endif /* TVM_NODE_AGENT_FILES_H_ */
