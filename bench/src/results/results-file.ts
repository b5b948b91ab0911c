import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Machine } from '../machine.ts'

/** When and on what something was measured. */
export interface About {
  readonly date: string
  readonly machine: Machine & { readonly loadAfter: number }
  readonly runtimes: Readonly<Record<string, string>>
  readonly versions: Readonly<Record<string, string>>
}

export interface ResultsFile<Results> {
  readonly about: About
  readonly results: Results
}

export function write(folder: URL, part: string, file: ResultsFile<unknown>): void {
  writeFileSync(new URL(`${part}.json`, folder), `${JSON.stringify(file, significant, 1)}\n`)
}

/** What was measured last, if anything. */
export function read<Results>(folder: URL, part: string): ResultsFile<Results> | undefined {
  const path = new URL(`${part}.json`, folder)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

/** Nothing is known more exactly. */
function significant(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}
