import { fileURLToPath } from 'node:url'
import { processEndings } from '@curfew/conformance'

processEndings('@curfew/bun', {
  command: fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url)),
  args: ['--conditions=curfew-source'],
  adapter: fileURLToPath(new URL('../src/index.ts', import.meta.url)),
})
