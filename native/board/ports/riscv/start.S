/* Start-up of RISC-V processors in machine mode (RISC-V Privileged Architecture, 20211203, 3.1). */

.section .start, "ax"
.globl board_reset
.type board_reset, @function
board_reset:
  .option push
  .option norelax
  la gp, board_global_pointer
  .option pop
  la sp, board_stack_end
  la t0, fault
  csrw mtvec, t0
#ifdef __riscv_flen
  /* Floating-point registers are off at first: mstatus.FS. */
  li t0, 0x2000
  csrs mstatus, t0
  csrwi fcsr, 0
#endif
  call memory_init
  li a0, 0
  li a1, 0
  call main
  j fault

/* The program cannot go on. */
.balign 4
fault:
  li a0, 1
  call port_stop
  j fault
