import * as z from 'zod/mini'
import { type Clock, systemClock } from './clock.ts'
import type { Closed } from './close-gracefully.ts'
import { complain } from './complain.ts'
import { HookTimeoutError, InvalidOptionError } from './errors.ts'
import { inTime } from './in-time.ts'
import { callback, grace, milliseconds, validate } from './validate.ts'

/** Their numbers are part of the exit code, and the same on every system. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const

/** A signal that asks a process to end. */
export type StopSignal = keyof typeof numbers

/** What the signals that end the process do to a server. */
export interface SignalOptions {
  /** Which ones (default `SIGTERM` and `SIGINT`). */
  on?: readonly StopSignal[]
  /** As of `close()`. */
  graceMs?: number
  /** As of `close()`. */
  noticeMs?: number
  /** Called when the server has closed, for what else there is to be closed; waited for, for 10 s. */
  onClosed?(closed: Closed): unknown
}

/** As much of `process` as there is to know. */
export interface Process {
  exitCode?: unknown
  on(signal: string, listener: () => void): unknown
  off(signal: string, listener: () => void): unknown
  exit(): unknown
  exit(code: number): unknown
}

/** A server that signals close. */
export interface Signalled {
  readonly options: SignalOptions
  close(options: { graceMs?: number; noticeMs?: number }): Promise<Closed>
}

/** How long a signal may take to come again by another way (from the terminal and from `npm`, say), in milliseconds. */
const ECHO_MS = 100

/** How long `onClosed` may take, in milliseconds. */
const ON_CLOSED_MS = 10_000

/** How long a process with nothing to serve may go on, in milliseconds, if something keeps it. */
const LINGER_MS = 1_000

const schema = z.strictObject({
  on: z.optional(
    z.custom<readonly StopSignal[]>(
      (value) =>
        Array.isArray(value) && value.length > 0 && value.every((each) => Object.hasOwn(numbers, each)),
      `an array of ${Object.keys(numbers).join(', ')}`,
    ),
  ),
  graceMs: z.optional(grace),
  noticeMs: z.optional(milliseconds),
  onClosed: z.optional(callback),
})

/**
 * The options of signals, if any are to be heard.
 *
 * @throws {InvalidOptionError} naming the first option that is unknown or has a value that it cannot have
 */
export function parseSignals(options: boolean | SignalOptions | undefined): SignalOptions | undefined {
  if (options === undefined || options === false) return undefined
  if (options === true) return {}
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('signals', 'true, false or an object', options)
  }
  return validate(z.strictObject({ signals: schema }), { signals: options }).signals
}

/**
 * From now on signals close this server, and end the process: when all servers are closed that signals close, it may end
 * by itself for a second, and has to after that. Its exit code is 0 then (or `process.exitCode`), and 1 if something
 * failed to close. Who sends another signal meanwhile does not want to wait: the process ends at once, with 128 and the
 * number of the signal, as shells have it.
 *
 * @returns what undoes it: without servers, nobody listens to signals
 */
export function closeOnSignals(
  server: Signalled,
  process: Process = ownProcess(),
  clock: Clock = systemClock,
): () => void {
  let termination = terminations.get(process)
  if (!termination) {
    termination = new Termination(process, clock)
    terminations.set(process, termination)
  }
  return termination.add(server)
}

const terminations = new WeakMap<Process, Termination>()

function ownProcess(): Process {
  const { process } = globalThis as { process?: Process }
  if (!process) throw new TypeError('Signals cannot be heard: the global process is missing')
  return process
}

/** The end of one process. */
class Termination {
  private readonly process: Process
  private readonly clock: Clock
  private readonly servers = new Set<Signalled>()
  private readonly listeners = new Map<StopSignal, () => void>()
  /** The signal that began it. */
  private first: { readonly signal: StopSignal; readonly at: number } | undefined

  constructor(process: Process, clock: Clock) {
    this.process = process
    this.clock = clock
  }

  add(server: Signalled): () => void {
    this.servers.add(server)
    this.listen()
    return () => {
      this.servers.delete(server)
      this.listen()
    }
  }

  /** To what the servers want, and no longer than there are any; but once it ends, until it has. */
  private listen(): void {
    const wanted = new Set([...this.servers].flatMap(({ options }) => options.on ?? defaultSignals))
    for (const signal of wanted) {
      if (this.listeners.has(signal)) continue
      const listener = (): void => this.received(signal)
      this.listeners.set(signal, listener)
      this.process.on(signal, listener)
    }
    if (this.first) return
    for (const [signal, listener] of [...this.listeners]) {
      if (wanted.has(signal)) continue
      this.listeners.delete(signal)
      this.process.off(signal, listener)
    }
  }

  private received(signal: StopSignal): void {
    const { first } = this
    const at = this.clock.now()
    if (!first) {
      this.first = { signal, at }
      void this.end()
    } else if (signal !== first.signal || at - first.at >= ECHO_MS) {
      this.process.exit(128 + numbers[signal])
    }
  }

  private async end(): Promise<void> {
    while (this.servers.size > 0) await Promise.all([...this.servers].map((server) => this.close(server)))
    this.first = undefined
    this.listen()
    const timer = this.clock.setTimeout(() => this.process.exit(), LINGER_MS)
    ;(timer as { unref?(): void } | undefined)?.unref?.()
  }

  private async close(server: Signalled): Promise<void> {
    const { graceMs, noticeMs, onClosed } = server.options
    try {
      const closed = await server.close({
        ...(graceMs !== undefined && { graceMs }),
        ...(noticeMs !== undefined && { noticeMs }),
      })
      const work = Promise.resolve(onClosed?.(closed))
      await inTime(this.clock, ON_CLOSED_MS, work, () => new HookTimeoutError(ON_CLOSED_MS))
    } catch (error) {
      complain('Curfew failed to close a server:', error)
      this.process.exitCode = 1
    }
    this.servers.delete(server)
  }
}

const defaultSignals: readonly StopSignal[] = ['SIGTERM', 'SIGINT']
