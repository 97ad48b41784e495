/* Threads that the loops of operators are spread over. */
#ifndef TVM_NODE_AGENT_THREADS_H_
#define TVM_NODE_AGENT_THREADS_H_

#include <stdint.h>

/* What a task is told of its group (TVM v0.18, include/tvm/runtime/c_backend_api.h). */
typedef struct {
  void* sync_handle;
  int32_t num_task;
} group_t;
typedef int (*task_t)(int index, group_t* group, void* data);

/* Before any other call: how many threads work, the calling one included. 0 for as many as there are processors. */
void threads_start(int count);

/* Runs tasks, as many as there are threads where `count` is 0. 0, or that of a task that failed. */
int threads_launch(task_t task, void* data, int count);
/* Returns when all tasks of the group have called it. */
int threads_barrier(int index, group_t* group);

#endif /* TVM_NODE_AGENT_THREADS_H_ */
