#define _GNU_SOURCE
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MOST = 64 };
/* Looks at the next task before a thread goes to sleep; operators follow each other within microseconds. */
enum { SPINS = 2000 };

static int workers = 1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

/* The tasks at hand. `round` changes when there are new ones. */
static atomic_uint round_number;
static atomic_int unfinished;
static atomic_int failure;
static task_t current;
static void* current_data;
static group_t current_group;
static atomic_int arrived;

/* A thread takes every `workers`th task, so that tasks which wait for each other run at once where there are threads enough. */
static void run_share(int index) {
  for (int i = index; i < current_group.num_task; i += workers) {
    const int status = current(i, &current_group, current_data);
    if (status != 0) atomic_store(&failure, status);
  }
}

static void await_round(unsigned seen) {
  for (int i = 0; i < SPINS; i++)
    if (atomic_load_explicit(&round_number, memory_order_acquire) != seen) return;
  pthread_mutex_lock(&mutex);
  while (atomic_load(&round_number) == seen) pthread_cond_wait(&wake, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void* work(void* argument) {
  const int index = (int)(intptr_t)argument;
  for (unsigned seen = 0;; seen++) {
    await_round(seen);
    run_share(index);
    atomic_fetch_sub_explicit(&unfinished, 1, memory_order_release);
  }
  return NULL;
}

void threads_start(int count) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const long present = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);
  int wanted = count > 0 ? count : (int)present;
  if (wanted > MOST) wanted = MOST;
  int started = 1;
  for (; started < wanted; started++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, (void*)(intptr_t)started) != 0) break;
  }
  workers = started < 1 ? 1 : started;
}

int threads_launch(task_t task, void* data, int count) {
  current = task;
  current_data = data;
  current_group = (group_t){.sync_handle = NULL, .num_task = count > 0 ? count : workers};
  atomic_store(&failure, 0);
  atomic_store(&arrived, 0);
  atomic_store(&unfinished, workers - 1);
  pthread_mutex_lock(&mutex);
  atomic_fetch_add_explicit(&round_number, 1, memory_order_release);
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&mutex);
  run_share(0);
  for (int spins = 0; atomic_load_explicit(&unfinished, memory_order_acquire) > 0; spins++)
    if (spins > SPINS) sched_yield();
  return atomic_load(&failure);
}

int threads_barrier(int index, group_t* group) {
  (void)index;
  /* Tasks that share a thread cannot wait for each other. */
  if (group->num_task > workers) return -1;
  const int before = atomic_fetch_add(&arrived, 1);
  const int complete = (before / group->num_task + 1) * group->num_task;
  for (int spins = 0; atomic_load(&arrived) < complete; spins++)
    if (spins > SPINS) sched_yield();
  return 0;
}
