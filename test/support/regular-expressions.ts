import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type Node, parse } from 'acorn'
import { transformSync } from 'esbuild'
import { root } from './run.ts'

export interface Written {
  readonly file: string
  /** As it is written: the literal, or the call that makes one at run time. */
  readonly text: string
}

/** A regular expression that a source has as a literal. */
export interface Literal extends Written {
  readonly source: string
  readonly flags: string
}

/** The sources that are published, or that test what is. */
export const sources: readonly string[] = readdirSync(`${root}/packages`)
  .flatMap((name) => filesIn(`packages/${name}/src`))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))

function filesIn(folder: string): string[] {
  if (!existsSync(`${root}/${folder}`)) return []
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }).map(
    (path) => `${folder}/${path}`,
  )
}

/** Every regular expression in a source, and every place where one is made. */
export function regularExpressionsIn(file: string): { literals: Literal[]; made: Written[] } {
  // It takes the types away and leaves the rest as it is.
  const { code } = transformSync(readFileSync(`${root}/${file}`, 'utf8'), { loader: 'ts', target: 'esnext' })
  const literals: Literal[] = []
  const made: Written[] = []
  for (const node of nodesOf(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }))) {
    const text = code.slice(node.start, node.end)
    const { regex, callee } = node as {
      regex?: { pattern: string; flags: string }
      callee?: { name?: string }
    }
    if (regex) literals.push({ file, text, source: regex.pattern, flags: regex.flags })
    if (callee?.name === 'RegExp') made.push({ file, text })
  }
  return { literals, made }
}

function* nodesOf(value: unknown): Iterable<Node> {
  if (typeof value !== 'object' || value === null) return
  if ('type' in value) yield value as Node
  for (const part of Object.values(value)) yield* nodesOf(part)
}
