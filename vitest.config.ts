import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A process can hold one TVM library, and native state must not pass from one test file to the next.
    pool: 'forks',
    poolOptions: { forks: { isolate: true, execArgv: ['--expose-gc'] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
