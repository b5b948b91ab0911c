import * as z from 'zod/mini'
import { type Clock, LONGEST_TIMER_MS, systemClock } from './clock.ts'
import type { Closed } from './close-gracefully.ts'
import { createHealth, type Health, type HealthOptions } from './health.ts'
import { closeOnSignals, type Process, parseSignals, type SignalOptions } from './signals.ts'
import { grace, milliseconds, validate } from './validate.ts'

/** How long requests may take to finish unless it is said, in milliseconds. */
export const DEFAULT_GRACE_MS = 10_000

/** How a server stops. */
export interface CloseOptions {
  /** Milliseconds that requests may take to finish (default 10 000). */
  graceMs?: number
  /**
   * Milliseconds between not being ready any more and not taking requests any more, so that load balancers notice
   * (default 0). A little more than it takes them to ask twice.
   */
  noticeMs?: number
}

/** What every adapter with a server of its own takes. */
export interface LifetimeOptions {
  /**
   * Closes the server at `SIGTERM` and `SIGINT`, and then ends the process: with 0, with 1 if something failed to close.
   * A second signal ends it at once, with 130 or 143. By default nobody listens to signals.
   *
   * @example
   * ```ts
   * serve({ fetch, signals: { noticeMs: 5_000, graceMs: 15_000, onClosed: () => database.end() } })
   * ```
   */
  signals?: boolean | SignalOptions
  /**
   * Answers `GET /readyz` and `GET /livez` before any guard or handler sees them. Ready is 503 from the moment that
   * `close()` is called. By default nothing is answered.
   */
  health?: boolean | HealthOptions
}

/** Names of these options, for adapters to tell from those of a guard. */
export const lifetimeOptionNames = ['signals', 'health'] as const

/** What a server does when it comes to its end. */
export interface Stopping {
  /** It is about to stop: clients are to come back on other connections. */
  notice(): void
  /** It stops to accept connections, and ends those that there are. */
  stop(graceMs: number): Promise<Closed>
}

/** A server's time from its start to its last connection. It ends once, however often it is told to. */
export class Lifetime {
  /** Who answers probes, if anybody does. */
  readonly health: Health | undefined
  private readonly signals: SignalOptions | undefined
  private readonly clock: Clock
  private readonly process: Process | undefined
  private stopping: Stopping | undefined
  private closing: Promise<Closed> | undefined
  private isLeaving = false
  private deafen: (() => void) | undefined

  /** @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have */
  constructor(
    { signals, health }: Given<LifetimeOptions>,
    { clock = systemClock, process }: { clock?: Clock; process?: Process } = {},
  ) {
    this.clock = clock
    this.process = process
    this.signals = parseSignals(signals)
    this.health = createHealth(health, () => this.isReady)
  }

  /** Whether nobody has told it to stop. */
  get isReady(): boolean {
    return !this.isLeaving
  }

  /** The server is there, and this is how it stops. */
  start(stopping: Stopping): void {
    this.stopping = stopping
    const { signals: options, close, process, clock } = this
    if (options) this.deafen = closeOnSignals({ options, close }, process, clock)
  }

  /** The server is not there after all. */
  readonly abandon = (): void => {
    this.deafen?.()
  }

  /** @throws {InvalidOptionError} for an option that is unknown or no number of milliseconds */
  readonly close = (options: CloseOptions = {}): Promise<Closed> => {
    const { graceMs = DEFAULT_GRACE_MS, noticeMs = 0 } = validate(closeSchema, options)
    this.closing ??= this.end(this.stopping!, graceMs, noticeMs).finally(this.abandon)
    return this.closing
  }

  private async end({ notice, stop }: Stopping, graceMs: number, noticeMs: number): Promise<Closed> {
    this.isLeaving = true
    notice()
    // Without notice it stops at once, before anybody can come.
    if (noticeMs > 0) await this.wait(noticeMs)
    return stop(graceMs)
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS)))
  }
}

type Given<Options> = { [Name in keyof Options]: Options[Name] | undefined }

const closeSchema = z.strictObject({ graceMs: z.optional(grace), noticeMs: z.optional(milliseconds) })
