// How large the core is for whoever bundles it, as in a browser: with nothing of a runtime in it, and within its budget.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Bytes, minified and gzipped. Raise one on purpose, and say why in the commit. */
const cases = [
  { name: 'guard and scopeOf', budget: 18_900, code: `export { guard, scopeOf } from '@curfew/core'` },
  {
    name: 'the same, with reporter',
    budget: 34_900,
    code: `export { guard, scopeOf } from '@curfew/core'; export { reporter } from '@curfew/core/report'`,
  },
]

const rows = []
for (const { name, budget, code } of cases) {
  const size = await gzippedSize(code)
  rows.push({
    bundle: name,
    gzipped: size,
    budget,
    'of it zod/mini': size - (await gzippedSize(code, ['zod/mini'])),
  })
}
console.table(rows)
for (const { bundle, gzipped, budget } of rows) {
  if (gzipped <= budget) continue
  console.error(
    `@curfew/core, ${bundle}: ${gzipped} bytes gzipped, over its budget of ${budget} (scripts/check-size.js)`,
  )
  process.exitCode = 1
}

/** Of what users import, as it was built. For the browser, an import of `node:` anything fails to bundle. */
async function gzippedSize(code, external = []) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: 'packages/core' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    external,
    logLevel: 'error',
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).byteLength
}
