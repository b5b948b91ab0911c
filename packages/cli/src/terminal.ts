import picocolors from 'picocolors'
import type { Io } from './io.ts'

export type Colors = ReturnType<typeof picocolors.createColors>

/** What it is that is printed on. */
export interface Terminal {
  readonly colors: Colors
  /** How many characters a line has. */
  readonly columns: number
  /** Whether it shows more than ASCII. */
  readonly unicode: boolean
}

const COLUMNS = 80
const MIN_COLUMNS = 40

/** Finds out by the stream and the environment: `NO_COLOR`, `FORCE_COLOR`, `TERM`, `COLUMNS` and the locale. */
export function terminalOf({ stdout, env, platform }: Io, color: boolean): Terminal {
  return {
    colors: picocolors.createColors(color && hasColors(stdout.isTTY, env)),
    columns: Math.max(MIN_COLUMNS, stdout.columns || Number.parseInt(env.COLUMNS ?? '', 10) || COLUMNS),
    unicode: isUtf8(env, platform),
  }
}

function hasColors(isTTY: boolean, { NO_COLOR, FORCE_COLOR, TERM }: Io['env']): boolean {
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0'
  return isTTY && TERM !== 'dumb'
}

/** The first of these that is set says it, as POSIX has it. Windows has no locale, and shows Unicode. */
function isUtf8({ LC_ALL, LC_CTYPE, LANG }: Io['env'], platform: string): boolean {
  const locale = LC_ALL || LC_CTYPE || LANG
  return locale ? /utf-?8/i.test(locale) : platform === 'win32'
}
