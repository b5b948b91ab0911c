import { fileURLToPath } from 'node:url'
import { processEndings } from '@curfew/conformance'

// As it was built: Node 20 does not run the sources.
const adapter = new URL('../dist/index.js', import.meta.url).href

processEndings('@curfew/node', {
  command: process.execPath,
  adapter,
  cwd: fileURLToPath(new URL('..', import.meta.url)),
})
