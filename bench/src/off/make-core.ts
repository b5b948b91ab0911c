import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** What is cut out of a file within `packages/core/src`, and what stands there instead. */
export interface Cut {
  readonly file: string
  readonly text: string
  readonly instead: string
}

export function cut(file: string, text: string, instead = ''): Cut {
  return { file, text, instead }
}

const sources = fileURLToPath(new URL('../../../packages/core/src/', import.meta.url))

/**
 * Makes a core of its sources, from which so much has been cut out, in a folder of its own, with all that it needs.
 *
 * @throws {Error} for what is not, or not once, where it is said to be: the sources have changed
 */
export async function makeCore(folder: string, cuts: readonly Cut[]): Promise<void> {
  const left = new Set(cuts)
  await build({
    entryPoints: [`${sources}index.ts`],
    outfile: `${folder}/index.mjs`,
    bundle: true,
    format: 'esm',
    target: 'es2023',
    logLevel: 'silent',
    plugins: [cutting(left)],
  })
  for (const { file, text } of left) throw new Error(`There is no ${file} from which to cut out: ${text}`)
}

function cutting(left: Set<Cut>): Plugin {
  return {
    name: 'cutting',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]core[\\/]src[\\/][^\\/]+\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, 'utf8')
        for (const each of left) {
          if (each.file !== basename(path)) continue
          contents = without(contents, each)
          left.delete(each)
        }
        return { contents, loader: 'ts' }
      })
    },
  }
}

function without(source: string, { file, text, instead }: Cut): string {
  const [before, after, ...more] = source.split(text)
  if (after === undefined) throw new Error(`No longer in ${file}, and so not to be cut out: ${text}`)
  if (more.length > 0) throw new Error(`More than once in ${file}, and so not to be cut out: ${text}`)
  return before + instead + after
}
