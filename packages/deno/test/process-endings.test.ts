import { processEndings } from '@curfew/conformance'
import { deno, denoArgs, folder } from './support.ts'

processEndings('@curfew/deno', {
  command: deno,
  args: ['run', '--quiet', ...denoArgs, '--allow-net', '--allow-env', '--allow-read'],
  cwd: folder,
  adapter: new URL('../src/index.ts', import.meta.url).href,
})
