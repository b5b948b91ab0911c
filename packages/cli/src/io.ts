import type { Readable } from 'node:stream'

/** What the command has of the process that it runs in. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: {
    readonly isTTY: boolean
    readonly columns: number | undefined
    /** Resolves when it is written; rejects if it cannot be, with `EPIPE` when nobody reads any more. */
    write(text: string): Promise<void>
  }
  readonly stderr: { write(text: string): void }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
  /** Aborts when the process is asked to stop. From then on the signals do so, and no longer end it at once. */
  untilStopped(): AbortSignal
}
