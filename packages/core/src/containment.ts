import * as z from 'zod/mini'
import { type Clock, systemClock } from './clock.ts'
import { complain } from './complain.ts'
import { type ContextStorage, contextSlot } from './context-slot.ts'
import { enterScopes } from './enter-scopes.ts'
import { isStop } from './errors.ts'
import { inTime } from './in-time.ts'
import { DEFAULT_GRACE_MS } from './lifetime.ts'
import { callback, milliseconds, oneOf, validate } from './validate.ts'

/** What it was that nobody caught, by the name that runtimes have for it. */
export type UncaughtOrigin = 'uncaughtException' | 'unhandledRejection'

export interface ContainOptions {
  /**
   * What becomes of the process after an error that no request can be charged with. `'exit'` (the default): it is printed,
   * every server of `serve()` stops to accept and lets its requests finish, and the process exits with code 1. `'keep'`:
   * it is printed, and the process lives.
   *
   * Unless this is said, an error that others listen for as well (`process.on('uncaughtException', …)`) is left to them.
   */
  unclaimed?: 'exit' | 'keep'
  /**
   * Milliseconds that requests may take to finish before the process exits (default 10 000). Those that have not are
   * answered 503; with the flushing of reports the process lives for 7 s longer at most.
   */
  graceMs?: number
  /** What else is to end before the process does: servers that `serve()` has not made, say. It has as long as they have. */
  drain?: () => unknown
  /** Told each error that no request can be charged with, instead of the console. */
  onUnclaimed?: (error: unknown, origin: UncaughtOrigin) => unknown
}

/** What nobody caught since `contain()` was called. */
export interface ContainmentStats {
  /** Errors that a request was charged with. */
  readonly charged: number
  /** Errors that only say that work was to stop, because its request had ended: they are told nobody. */
  readonly cancelled: number
  /** Errors of no request. */
  readonly unclaimed: number
}

export interface Containment {
  /** Live: read it again for newer numbers. */
  readonly stats: ContainmentStats
  /** Uncaught errors do to the process what they did before. A drain that has begun goes on. */
  release(): void
}

/** As much of `process` as there is to know. */
export interface HostProcess {
  exitCode?: unknown
  on(event: UncaughtOrigin, listener: UncaughtListener): unknown
  off(event: UncaughtOrigin, listener: UncaughtListener): unknown
  listenerCount(event: UncaughtOrigin): number
  exit(code: number): unknown
}

/** An exception comes with its origin, a rejection with its promise. */
type UncaughtListener = (error: unknown, origin: unknown) => void

/** What a runtime has that can contain crashes. */
export interface Host {
  readonly process: HostProcess
  /** The servers that listen right now. */
  readonly servers: Iterable<{ close(options: { graceMs: number }): Promise<unknown> }>
  makeStorage(): ContextStorage
  /** Where the time comes from (default: the runtime). */
  readonly clock?: Clock
}

/** How long a server may take beyond its grace, in milliseconds: for the last answers, and its reports. */
const BEYOND_GRACE_MS = 7_000

const schema = z.strictObject({
  unclaimed: z.optional(oneOf('exit', 'keep')),
  graceMs: z.optional(milliseconds),
  drain: z.optional(callback),
  onUnclaimed: z.optional(callback),
})

/**
 * What an adapter has as its `contain()`: one installation, however often it is called, that goes by all it was told.
 * That throws an `InvalidOptionError` for an option that is unknown or has a value that it cannot have.
 */
export function containment(host: Host): (options?: ContainOptions) => Containment {
  let installed: Installation | undefined
  return (options = {}) => {
    const own = validate(schema, options)
    installed ??= new Installation(host, () => {
      installed = undefined
    })
    installed.told(own)
    return installed
  }
}

class Installation implements Containment {
  readonly stats = { charged: 0, cancelled: 0, unclaimed: 0 }
  private options: ContainOptions = {}
  private readonly host: Host
  private readonly entering: { leave(): void }
  private readonly onRelease: () => void
  private over = false
  private exiting: Promise<void> | undefined

  constructor(host: Host, onRelease: () => void) {
    this.host = host
    this.onRelease = onRelease
    this.entering = enterScopes(() => host.makeStorage())
    host.process.on('uncaughtException', this.onException)
    host.process.on('unhandledRejection', this.onRejection)
  }

  told(options: ContainOptions): void {
    this.options = { ...this.options, ...options }
  }

  release(): void {
    if (this.over) return
    this.over = true
    this.host.process.off('uncaughtException', this.onException)
    this.host.process.off('unhandledRejection', this.onRejection)
    this.entering.leave()
    this.onRelease()
  }

  /** Where Node is told to raise rejections as exceptions, it tells them as what they are as well, and afterwards. */
  private readonly onException: UncaughtListener = (error, origin) => {
    if (origin !== 'unhandledRejection') this.uncaught(error, 'uncaughtException')
  }

  private readonly onRejection: UncaughtListener = (error) => this.uncaught(error, 'unhandledRejection')

  private uncaught(error: unknown, origin: UncaughtOrigin): void {
    const scope = contextSlot.storage?.getStore()?.scope
    if (isStop(error)) this.stats.cancelled++
    else if (scope) this.stats[scope.escaped(error) ? 'charged' : 'cancelled']++
    else this.unclaimed(error, origin)
  }

  private unclaimed(error: unknown, origin: UncaughtOrigin): void {
    this.stats.unclaimed++
    const { unclaimed, onUnclaimed } = this.options
    const isOthers = unclaimed === undefined && this.host.process.listenerCount(origin) > 1
    const exits = unclaimed !== 'keep' && !isOthers
    if (onUnclaimed) void attempt(() => onUnclaimed(error, origin))
    else if (!isOthers)
      complain(`Curfew: ${origin} of no request, the process ${exits ? 'exits' : 'lives'}:`, error)
    if (exits) this.exiting ??= this.exit()
  }

  private async exit(): Promise<void> {
    const { process, servers, clock = systemClock } = this.host
    const { graceMs = DEFAULT_GRACE_MS, drain } = this.options
    // Whoever ends the process meanwhile need not know why.
    process.exitCode = 1
    const all = [...servers].map((server) => attempt(() => server.close({ graceMs })))
    const ended = Promise.all([...all, drain && attempt(drain)])
    await inTime(clock, graceMs + BEYOND_GRACE_MS, ended, () => 'late').catch(() => {})
    process.exit(1)
  }
}

/** What is thrown here would be uncaught again, without end. */
async function attempt(work: () => unknown): Promise<void> {
  try {
    await work()
  } catch (error) {
    complain('Curfew contain() failed:', error)
  }
}
