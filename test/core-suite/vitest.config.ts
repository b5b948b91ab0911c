import { defineConfig } from 'vitest/config'
import whole from '../../vitest.config.ts'

// Projects do not take their environment from the command line, so there are none.
const { projects: _, ...test } = whole.test!

export default defineConfig({
  ...whole,
  test: { ...test, include: ['packages/core/{src,test}/**/*.test.ts'] },
})
