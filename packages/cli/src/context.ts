import type { Io } from './io.ts'
import type { Terminal } from './terminal.ts'

/** What every command gets besides its own options. */
export interface Context {
  readonly io: Io
  readonly terminal: Terminal
  /** Whether to print for machines. */
  readonly json: boolean
}
