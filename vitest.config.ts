import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Tests run the sources, not what was built from them.
  ssr: { resolve: { conditions: ['curfew-source', 'node'] } },
  resolve: { conditions: ['curfew-source'] },
  test: {
    // Only what the test runner itself reports counts: .ci/run reads it from here.
    ...(process.env.CURFEW_TEST_REPORT && {
      reporters: ['default', 'json'],
      outputFile: { json: process.env.CURFEW_TEST_REPORT },
    }),
    // Most of what the suites do is wait for servers, so more of them than there are cores can run.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'packages',
          include: [
            'packages/*/{src,test}/**/*.test.ts',
            'apps/*/test/**/*.test.ts',
            'bench/test/**/*.test.ts',
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // What is about all packages starts a lot of other processes, so it waits for the rest to be done.
        extends: true,
        test: { name: 'whole', include: ['test/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
