import { keepStderr } from '@curfew/core/adapter'
import type { Hook } from '@curfew/core/report'
import { aFlag, aFunction, checkOptions, oneOf } from './check-options.ts'
import { pretty } from './pretty.ts'
import { printableJson } from './printable-json.ts'

export interface ConsoleHookOptions {
  /** `'auto'` (the default): `'pretty'` if standard error is a terminal, `'json'` if not. */
  format?: 'auto' | 'pretty' | 'json'
  /** Where it goes instead of `console.error`: one call a report, without the end of its last line. */
  write?: (text: string) => void
  /** Whether to use ANSI colours; if not said, where standard error is a terminal and `NO_COLOR` is not set. */
  color?: boolean
}

/**
 * Writes each report to the console: as a block for people, or as one line of JSON, which `parseReport` reads back. On
 * any runtime. In either form nothing that the client or the error chose can move the cursor of a terminal, forge a
 * line, or turn the direction of a text.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const toConsole = consoleHook()
 * const toLog = consoleHook({ format: 'json', write: (line) => log.write(`${line}\n`) })
 * ```
 */
export function consoleHook(options: ConsoleHookOptions = {}): Hook {
  const {
    format = 'auto',
    write = toStderr,
    color = isTerminal() && !colorIsUnwanted(),
  } = checkOptions(options, { format: oneOf('auto', 'pretty', 'json'), write: aFunction, color: aFlag })
  const forPeople = format === 'auto' ? isTerminal() : format === 'pretty'
  return {
    name: 'console',
    fire: (report) => write(forPeople ? pretty(report, { color }) : printableJson(report)),
  }
}

function toStderr(text: string): void {
  keepStderr()
  console.error(text)
}

/** As much of the globals of Node.js, Bun and Deno as there is to know; edges have some of it. */
interface Globals {
  readonly process?: {
    readonly stderr?: { readonly isTTY?: boolean }
    readonly env?: Readonly<Record<string, string | undefined>>
  }
  readonly Deno?: { readonly noColor?: boolean }
}

function isTerminal(): boolean {
  return ask(({ process }) => process?.stderr?.isTTY) === true
}

/** Deno would ask for leave to read the environment, and has read this one itself. */
function colorIsUnwanted(): boolean {
  return Boolean(ask(({ Deno, process }) => Deno?.noColor ?? process?.env?.NO_COLOR))
}

/** Some runtimes have these globals only to throw when they are used. */
function ask<T>(question: (globals: Globals) => T): T | undefined {
  try {
    return question(globalThis as Globals)
  } catch {
    return undefined
  }
}
