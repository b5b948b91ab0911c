import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Tests run the sources, not what was built from them.
  ssr: { resolve: { conditions: ['curfew-source', 'node', 'import', 'default'] } },
  resolve: { conditions: ['curfew-source'] },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
    // Only what the test runner itself reports counts: .ci/run reads it from here.
    ...(process.env.CURFEW_TEST_REPORT && {
      reporters: ['default', 'json'],
      outputFile: { json: process.env.CURFEW_TEST_REPORT },
    }),
    // Most of what the suites do is wait for servers, so more of them than there are cores can run.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
