/*
 * Divisions that 32-bit Arm has no instruction for everywhere, under the names by which LLVM calls them. Libraries that are
 * loaded find them here; those of the compiler's own library are hidden in the programs that they are part of.
 */
#if defined(__arm__) && !defined(__aarch64__)
#include <stdint.h>

#define VISIBLE __attribute__((visibility("default")))

/* Numbers of 32 bits and their quotients are exact in double precision. */
static int32_t quotient(int32_t a, int32_t b) { return b == 0 ? 0 : (int32_t)((double)a / (double)b); }
static uint32_t unsigned_quotient(uint32_t a, uint32_t b) {
  return b == 0 ? 0 : (uint32_t)((double)a / (double)b);
}
static uint64_t pair(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

int32_t VISIBLE __divsi3(int32_t a, int32_t b) { return quotient(a, b); }
int32_t VISIBLE __modsi3(int32_t a, int32_t b) { return a - quotient(a, b) * b; }
uint32_t VISIBLE __udivsi3(uint32_t a, uint32_t b) { return unsigned_quotient(a, b); }
uint32_t VISIBLE __umodsi3(uint32_t a, uint32_t b) { return a - unsigned_quotient(a, b) * b; }
int32_t VISIBLE __aeabi_idiv(int32_t a, int32_t b) { return quotient(a, b); }
uint32_t VISIBLE __aeabi_uidiv(uint32_t a, uint32_t b) { return unsigned_quotient(a, b); }
/* Quotient and remainder in two registers, as a number of 64 bits is. */
uint64_t VISIBLE __aeabi_idivmod(int32_t a, int32_t b) {
  const int32_t q = quotient(a, b);
  return pair((uint32_t)q, (uint32_t)(a - q * b));
}
uint64_t VISIBLE __aeabi_uidivmod(uint32_t a, uint32_t b) {
  const uint32_t q = unsigned_quotient(a, b);
  return pair(q, a - q * b);
}
int64_t VISIBLE __divdi3(int64_t a, int64_t b) { return a / b; }
int64_t VISIBLE __moddi3(int64_t a, int64_t b) { return a % b; }
uint64_t VISIBLE __udivdi3(uint64_t a, uint64_t b) { return a / b; }
uint64_t VISIBLE __umoddi3(uint64_t a, uint64_t b) { return a % b; }
#else
typedef int nothing_to_divide_t;
#endif
