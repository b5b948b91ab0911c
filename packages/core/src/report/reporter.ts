import { complain } from '../complain.ts'
import { inTime } from '../in-time.ts'
import type { Reporter as Recorder, Recording } from '../recording.ts'
import { parseTimeout } from '../validate.ts'
import { buildReport, type Incident, timeOf } from './build-report.ts'
import { describeThrown } from './describe-thrown.ts'
import { identity } from './fingerprint.ts'
import { HookRunner, type HookStats } from './hook-runner.ts'
import { RateLimit } from './rate-limit.ts'
import { Repeats } from './repeats.ts'
import type { Report, ReportedError } from './report.ts'
import { parseReporterOptions, type ReporterOptions, type ReporterPolicy } from './reporter-options.ts'
import { RequestRecording } from './request-recording.ts'

/** Makes reports and sees to it that they arrive. One may serve many guards. */
export interface Reporter extends Recorder {
  /**
   * For the end of a process: makes what is still to be made, tells the counts of repeats, and waits for the hooks and
   * what they have left to write or send. Resolves with `true` when nothing is left, with `false` when `timeoutMs`
   * milliseconds (default 5 000) have passed before, or a hook failed to flush. Whether the hooks took all that they were
   * given is in `stats`. The reporter can be used on.
   */
  flush(options?: { timeoutMs?: number }): Promise<boolean>
  readonly stats: ReporterStats
}

/** What a reporter has done since it was made. Live: read it again for newer numbers. */
export interface ReporterStats {
  /** Reports that were given to the hooks. */
  readonly reported: number
  /** Incidents like one that was reported just before: only counted. */
  readonly repeated: number
  /** Incidents over `maxPerMinute`, which were dropped. */
  readonly limited: number
  /** Incidents that were dropped because too many waited to be reported. */
  readonly dropped: number
  /** Reports that could not be made: a defect of Curfew, which goes to the console. */
  readonly failed: number
  /** Incidents that wait to be reported. */
  readonly pending: number
  /** By the name of the hook; where several have the same, the second is `name 2`, and so on. */
  readonly hooks: Readonly<Record<string, HookStats>>
}

/**
 * Makes one report for each request that fails (and, if asked, for each that times out, is abandoned, or settles late),
 * redacts it, and fires the hooks with it. All of that happens after the response has been handed over, and nothing of
 * it can change a response. The same crash is told whole once in a while (`dedupeMs`), and counted in between.
 *
 * Give it to a guard as its `reporter`, and `flush()` it before the process ends.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const reports = reporter({ service: 'shop', hooks: [jsonLines('reports.jsonl'), webhook(url)] })
 * app.use(curfew({ timeoutMs: 5_000, reporter: reports }))
 * process.once('SIGTERM', async () => {
 *   await server.close()
 *   await reports.flush({ timeoutMs: 5_000 })
 * })
 * ```
 */
export function reporter(options: ReporterOptions): Reporter {
  return new QueueingReporter(parseReporterOptions(options))
}

class QueueingReporter implements Reporter {
  private readonly policy: ReporterPolicy
  private readonly runners: readonly HookRunner[]
  private readonly repeats: Repeats
  private readonly rate: RateLimit
  private readonly counters = { reported: 0, limited: 0, dropped: 0, failed: 0, pending: 0 }
  /** Settles when all that waited has been made. */
  private made: Promise<unknown> = Promise.resolve()
  /** What the hooks were given for the incident that is being made. */
  private fired: Promise<void>[] = []

  constructor(policy: ReporterPolicy) {
    const { clock, dedupeMs, maxPerMinute } = policy
    this.policy = policy
    this.runners = policy.hooks.map(({ name, hook }) => new HookRunner(name, hook, policy))
    this.repeats = new Repeats(clock, dedupeMs, (...count) => this.tellCount(...count))
    this.rate = new RateLimit(clock, maxPerMinute)
  }

  get stats(): ReporterStats {
    const hooks = Object.fromEntries(this.runners.map(({ name, stats }) => [name, { ...stats }]))
    return { ...this.counters, repeated: this.repeats.total, hooks }
  }

  start(request: Request): Recording {
    const observers = this.runners.flatMap((runner) => runner.observe(request) ?? [])
    return new RequestRecording(request, this.policy, observers, (incident) => this.take(incident))
  }

  async flush({ timeoutMs = 5_000 }: { timeoutMs?: number } = {}): Promise<boolean> {
    const limitMs = parseTimeout('timeoutMs', timeoutMs)
    const controller = new AbortController()
    try {
      return await inTime(this.policy.clock, limitMs, this.drain(controller.signal), () => tooLate)
    } catch (error) {
      if (error !== tooLate) throw error
      controller.abort()
      return false
    }
  }

  /** Again, for as long as something new has come up meanwhile. */
  private async drain(signal: AbortSignal): Promise<boolean> {
    let wentWell = true
    do {
      while (this.counters.pending > 0) await this.made
      this.repeats.closeAll()
      const flushed = await Promise.all(this.runners.map((runner) => runner.flush(signal)))
      wentWell &&= flushed.every(Boolean)
    } while (this.hasMore && !signal.aborted)
    return wentWell
  }

  private get hasMore(): boolean {
    return this.counters.pending > 0 || this.repeats.open > 0 || this.runners.some((runner) => runner.busy)
  }

  /** One after the other, each in the async context of its own request. */
  private take(incident: Incident): void {
    if (this.counters.pending >= this.policy.maxQueued) {
      this.counters.dropped++
      return
    }
    this.counters.pending++
    const made = this.makeAfter(this.made, incident)
    this.made = made
    incident.ending.keepAlive(made.then((fired) => Promise.all(fired)))
  }

  private async makeAfter(before: Promise<unknown>, incident: Incident): Promise<readonly Promise<void>[]> {
    // Not in a microtask, for all of those run before a response is written.
    const turn = new Promise<void>((resolve) => void this.policy.clock.setTimeout(resolve, 0))
    try {
      await before
    } catch {
      // Some runtimes drop a request with its promises, and throw at who waits for one of them.
    }
    await turn
    return this.make(incident)
  }

  /** First it is looked at what it is: of a crash that was told already, or of too many, no report is made. */
  private async make(incident: Incident): Promise<readonly Promise<void>[]> {
    const fired: Promise<void>[] = []
    this.fired = fired
    try {
      const error = incident.thrown && describeThrown(incident.thrown.value)
      const crash = identityOf(incident, error)
      if (this.repeats.counts(crash, incident.time)) return fired
      if (!this.rate.take()) {
        this.counters.limited++
        return fired
      }
      const report = await buildReport(incident, error, this.policy)
      this.repeats.start(crash, report)
      this.fire(report, incident.thrown?.value)
    } catch (error) {
      this.counters.failed++
      complain('Curfew report failed:', error)
    } finally {
      this.counters.pending--
    }
    return fired
  }

  private tellCount(first: Report, count: number, lastTime: Date): void {
    let { time } = first
    try {
      time = timeOf(lastTime, this.policy)
    } catch {
      // A formatter that fails has failed at the first one, too.
    }
    this.fire(
      Object.freeze({ ...first, id: crypto.randomUUID(), time, count, repeatOf: first.id }),
      undefined,
    )
  }

  private fire(report: Report, thrown: unknown): void {
    this.counters.reported++
    for (const runner of this.runners) this.fired.push(runner.fire(report, thrown))
  }
}

/** It never leaves the process, so nothing has to be hidden in it. */
function identityOf({ kind, seen, ending }: Incident, error: ReportedError | undefined): string {
  return identity({ kind, error, method: seen.method, route: ending.route ?? seen.url.split('?', 1)[0]! })
}

const tooLate: unique symbol = Symbol('too late') as never
