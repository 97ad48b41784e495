#include "semihosting.h"

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT = 0x18 };
enum { MODE_READ = 0, MODE_WRITE = 4 };
/* What SYS_EXIT takes on processors of 32 bits for a program that ended by itself, or that failed. */
enum { APPLICATION_EXIT = 0x20026, RUNTIME_ERROR = 0x20023 };

static uintptr_t input;
static uintptr_t output;

static uintptr_t request(uintptr_t operation, uintptr_t argument) {
#if defined(__arm__)
  register uintptr_t r0 __asm__("r0") = operation;
  register uintptr_t r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
#elif defined(__riscv)
  register uintptr_t a0 __asm__("a0") = operation;
  register uintptr_t a1 __asm__("a1") = argument;
  /* The three are one request, which must not be on two pages. */
  __asm__ volatile(
      ".option push\n"
      ".option norvc\n"
      ".balign 16\n"
      "slli zero, zero, 0x1f\n"
      "ebreak\n"
      "srai zero, zero, 7\n"
      ".option pop\n"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return a0;
#else
#error "there is no semihosting for this processor"
#endif
}

/* Standard input and output of the simulator or debugger. */
static uintptr_t open_console(uintptr_t mode) {
  static const char console[] = ":tt";
  const uintptr_t block[3] = {(uintptr_t)console, mode, sizeof console - 1};
  return request(SYS_OPEN, (uintptr_t)block);
}

void semihosting_open(void) {
  input = open_console(MODE_READ);
  output = open_console(MODE_WRITE);
}

/* Both answer with the number of bytes that were left. */
size_t semihosting_read(uint8_t* data, size_t size) {
  const uintptr_t block[3] = {input, (uintptr_t)data, size};
  const size_t left = request(SYS_READ, (uintptr_t)block);
  return left > size ? 0 : size - left;
}

void semihosting_write(const uint8_t* data, size_t size) {
  while (size > 0) {
    const uintptr_t block[3] = {output, (uintptr_t)data, size};
    const size_t left = request(SYS_WRITE, (uintptr_t)block);
    if (left >= size) return;
    data += size - left;
    size = left;
  }
}

void semihosting_exit(int status) {
  for (;;) (void)request(SYS_EXIT, status == 0 ? APPLICATION_EXIT : RUNTIME_ERROR);
}
