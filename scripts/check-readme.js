// The examples of the READMEs compile as they stand there, against the packages as their users get them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

// Each inside a package that depends on all that the examples import.
const readmes = {
  'apps/hono-node': [
    'README.md',
    ...['core', 'hono', 'deno', 'hooks', 'cli'].map((name) => `packages/${name}/README.md`),
  ],
  'packages/node': ['packages/node/README.md'],
  'apps/bun': ['packages/bun/README.md'],
  'packages/edge': ['packages/edge/README.md'],
}

const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  module: 'nodenext',
  moduleDetection: 'force',
  strict: true,
  skipLibCheck: true,
  noEmit: true,
}

/** What there is besides the web's own; an edge has the types of a runtime that is no Node.js. */
const types = (app) =>
  app === 'packages/edge' ? { types: ['@cloudflare/workers-types'], lib: ['es2023'] } : { types: ['node'] }

for (const [app, files] of Object.entries(readmes)) {
  const folder = `${app}/.readme`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const [index, readme] of files.entries()) {
    const blocks = readFileSync(readme, 'utf8').matchAll(/```ts\n(.*?)```/gs)
    for (const [number, [, block]] of [...blocks].entries()) {
      writeFileSync(`${folder}/${index}-${number + 1}.ts`, `// ${readme}, example ${number + 1}\n${block}`)
    }
  }
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...types(app) }, include: ['*.ts'] }),
  )
  const { status } = spawnSync('tsc', ['-p', folder], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exitCode = status ?? 1
}
