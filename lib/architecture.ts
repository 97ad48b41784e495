/** Node's names of architectures by those of `uname -m` and of LLVM. */
const names: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
  riscv64: 'riscv64',
}

/** Node's name (`process.arch`) for an architecture that a Linux or an LLVM triple names. */
export function nodeArchitecture(machine: string): string {
  return names[machine] ?? (/^(arm|thumb)/.test(machine) ? 'arm' : machine)
}
