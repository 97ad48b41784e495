import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need a Python with TVM 0.18, which TVM_NODE_PYTHON names.
    exclude: process.env.TVM_NODE_PYTHON ? [] : ['test/interop/**'],
    // A process can hold one TVM library, and native state must not pass from one test file to the next.
    pool: 'forks',
    poolOptions: { forks: { isolate: true, execArgv: ['--expose-gc'] } },
    // Tests mean to compile, not to find what an earlier run left behind; those of the cache have one of their own.
    env: { TVM_NODE_CACHE_LIMIT: '0' },
    // A shared machine may stop for seconds in the middle of a test of deadlines; what fails twice is a fault. Reports name what was tried again.
    retry: process.env.CI === 'true' ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
