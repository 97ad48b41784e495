// Builds and runs programs that clang's libFuzzer feeds (Debian: clang, libclang-rt-dev).
import { execFileSync, spawnSync } from 'node:child_process'

export const sanitized = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined']

export function buildFuzzer(output, { flags, include, sources }) {
  const paths = include.flatMap((each) => ['-I', each])
  execFileSync('clang', ['-g', '-O1', ...flags, ...paths, '-o', output, ...sources])
  return output
}

/** Ends this process where the fuzzer finds something. */
export function runFuzzer(program, args, { corpus, folder, env = {} }) {
  const all = ['-timeout=5', '-max_len=4096', ...args, corpus]
  const options = { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } }
  const { status } = spawnSync(program, all, options)
  if (status !== 0) process.exit(status ?? 1)
}
