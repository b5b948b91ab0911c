import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Tests run the sources, not what was built from them.
  ssr: { resolve: { conditions: ['curfew-source', 'module', 'node', 'import', 'default'] } },
  resolve: { conditions: ['curfew-source'] },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'apps/*/test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
