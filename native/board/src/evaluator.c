#include "evaluator.h"

#include <string.h>

#include "board.h"
#include "functions.h"

/* What fits an answer. */
enum { MOST_REPEATS = (BOARD_MESSAGE_BYTES - 64) / 8 };
static const int64_t kMostCalls = (int64_t)1 << 40;

static evaluator_t slots[BOARD_EVALUATORS];

/* Module, name, device type, device id, number, repeat, min_repeat_ms, limit_zero_time_iterations, cooldown_interval_ms,
   repeats_to_cooldown; cache_flush_bytes and f_preproc may follow. */
const char* evaluator_settings(const arguments_t* arguments, evaluator_t* settings) {
  static const char kWrong[] = "RPCTimeEvaluator takes a module, a name and numbers";
  if (arguments->count < 10 || arguments->codes[0] != ARG_MODULE || !is_text(arguments, 1)) return kWrong;
  for (int i = 2; i < 10; i++)
    if (!is_number(arguments, i)) return kWrong;
  const TVMValue* const values = arguments->values;
  *settings = (evaluator_t){
      .number = values[4].v_int64,
      .repeat = values[5].v_int64,
      .min_repeat_ms = values[6].v_int64,
      .zero_limit = values[7].v_int64,
      .cooldown_ms = values[8].v_int64,
      .cooldown_every = values[9].v_int64,
  };
  return NULL;
}

const char* evaluator_add(const evaluator_t* settings, int* slot) {
  if (settings->number < 1 || settings->number > kMostCalls) return "number must be at least 1";
  if (settings->repeat < 1 || settings->repeat > MOST_REPEATS) return "too many repetitions for one answer";
  for (int i = 0; i < BOARD_EVALUATORS; i++) {
    if (slots[i].function != 0) continue;
    slots[i] = *settings;
    *slot = i;
    return NULL;
  }
  return "too many time evaluators";
}

void evaluator_remove(int slot) {
  if (slot < BOARD_EVALUATORS) slots[slot].function = 0;
}

void evaluator_reset(void) { memset(slots, 0, sizeof slots); }

static double seconds_of(uint64_t ticks) { return (double)ticks / (double)port_ticks_per_second; }

static void rest(int64_t milliseconds) {
  if (milliseconds <= 0) return;
  const uint64_t begin = port_ticks();
  while (seconds_of(port_ticks() - begin) * 1000.0 < (double)milliseconds) {
  }
}

/* More calls than before, by what is missing and at least by the golden ratio. */
static int64_t more_calls(int64_t number, double duration_ms, double wanted_ms) {
  const double by_ratio = 1.618 * (double)number;
  double wanted = duration_ms > 0 ? wanted_ms / (duration_ms / (double)number) + 1 : by_ratio;
  if (wanted < by_ratio) wanted = by_ratio;
  return wanted < (double)kMostCalls ? (int64_t)wanted : kMostCalls;
}

static const char* measure(evaluator_t* self, const arguments_t* arguments, double* seconds) {
  int64_t zeros = 0;
  for (;;) {
    result_t ignored;
    const uint64_t begin = port_ticks();
    for (int64_t i = 0; i < self->number; i++) {
      const char* const wrong = call_function(self->function, arguments, &ignored);
      if (wrong != NULL) return wrong;
    }
    const double duration = seconds_of(port_ticks() - begin);
    *seconds = duration / (double)self->number;
    if (duration <= 0) zeros++;
    if (duration * 1000.0 >= (double)self->min_repeat_ms || zeros >= self->zero_limit) return NULL;
    if (self->number >= kMostCalls) return NULL;
    self->number = more_calls(self->number, duration * 1000.0, (double)self->min_repeat_ms);
  }
}

const char* evaluator_run(int slot, const arguments_t* arguments, result_t* result) {
  static uint8_t bytes[MOST_REPEATS * 8];
  if (slot >= BOARD_EVALUATORS || slots[slot].function == 0) return "there is no such time evaluator";
  evaluator_t self = slots[slot];
  writer_t writer = {.data = bytes, .capacity = sizeof bytes};
  result_t warm_up;
  const char* wrong = call_function(self.function, arguments, &warm_up);
  for (int64_t i = 0; wrong == NULL && i < self.repeat; i++) {
    double seconds = 0;
    if (self.before != NULL) self.before(arguments);
    wrong = measure(&self, arguments, &seconds);
    uint64_t bits = 0;
    memcpy(&bits, &seconds, sizeof bits);
    write_u64(&writer, bits);
    if (self.cooldown_every > 0 && i % self.cooldown_every == 0) rest(self.cooldown_ms);
  }
  *result = (result_t){.code = ARG_BYTES, .bytes = bytes, .size = writer.size};
  return wrong;
}
