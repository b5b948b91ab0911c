import type { Clock } from '../clock.ts'
import { complainOf } from '../complain.ts'
import { HookTimeoutError } from '../errors.ts'
import { inTime } from '../in-time.ts'
import { isThenable } from '../is-thenable.ts'
import type { Hook, HookContext, Observer } from './hook.ts'
import type { Report } from './report.ts'

/** What has become of the reports that a hook was given. */
export interface HookStats {
  readonly delivered: number
  /** It threw, rejected, or took too long. */
  readonly failed: number
  /** Dropped because too many were under way. */
  readonly dropped: number
  /** Under way. */
  readonly pending: number
}

/** One hook, kept apart from all others: whatever it does is counted, and nothing else. */
export class HookRunner {
  readonly name: string
  readonly stats: { -readonly [Key in keyof HookStats]: HookStats[Key] }
  private readonly hook: Hook
  private readonly limits: { clock: Clock; hookTimeoutMs: number; maxQueued: number }
  private readonly running = new Set<Promise<boolean>>()

  constructor(name: string, hook: Hook, limits: { clock: Clock; hookTimeoutMs: number; maxQueued: number }) {
    this.name = name
    this.hook = hook
    this.limits = limits
    this.stats = { delivered: 0, failed: 0, dropped: 0, pending: 0 }
  }

  /** Resolves when the hook is done with it. */
  async fire(report: Report, thrown: unknown): Promise<void> {
    if (!this.hook.fire) return
    if (this.stats.pending >= this.limits.maxQueued) {
      this.stats.dropped++
      return
    }
    this.stats.pending++
    const run = this.run((context) => this.hook.fire?.(report, context), thrown)
    this.running.add(run)
    const delivered = await run
    this.running.delete(run)
    this.stats.pending--
    if (delivered) this.stats.delivered++
  }

  get busy(): boolean {
    return this.running.size > 0
  }

  /** Resolves when what is under way now is not any more. */
  async settled(): Promise<void> {
    await Promise.all(this.running)
  }

  /**
   * Resolves when nothing is left, with whether it went well. A hook may hold on to a report until it is flushed, and
   * may also have nothing to flush before it is done with one: so it is flushed at once, and after the last one again.
   */
  async flush(signal: AbortSignal): Promise<boolean> {
    let wentWell = true
    let busy: boolean
    do {
      busy = this.busy
      const settled = this.settled()
      wentWell = (await this.flushOnce(signal)) && wentWell
      await settled
    } while (busy && !signal.aborted)
    return wentWell
  }

  private async flushOnce(signal: AbortSignal): Promise<boolean> {
    try {
      await this.hook.flush?.({ signal })
      return true
    } catch (error) {
      this.failed(error)
      return false
    }
  }

  /** Who sees a request through for the hook, as one that does not throw. */
  observe(request: Request): Required<Observer> | undefined {
    const { hook } = this
    if (!hook.observe) return undefined
    const observer = this.attempt(() => hook.observe?.(request))
    return (
      observer && {
        decided: (...args) => this.attempt(() => observer.decided?.(...args)),
        ended: (...args) => this.attempt(() => observer.ended?.(...args)),
      }
    )
  }

  private async run(work: (context: HookContext) => unknown, thrown: unknown): Promise<boolean> {
    const { clock, hookTimeoutMs } = this.limits
    const controller = new AbortController()
    try {
      const returned = work({ signal: controller.signal, thrown })
      if (isHook(returned)) throw new TypeError(`Hook makes a hook, and has to be called: ${this.name}()`)
      const result = Promise.resolve(returned)
      await inTime(clock, hookTimeoutMs, result, () => {
        const error = new HookTimeoutError(hookTimeoutMs)
        controller.abort(error)
        return error
      })
      return true
    } catch (error) {
      this.failed(error)
      return false
    }
  }

  private attempt<T>(work: () => T): T | undefined {
    try {
      const result = work()
      // Nobody waits for it; but when an async function fails, that must not end the process.
      if (isThenable(result)) Promise.resolve(result).catch((error) => this.failed(error))
      return result
    } catch (error) {
      this.failed(error)
      return undefined
    }
  }

  private failed(error: unknown): void {
    this.stats.failed++
    complainOf(this, this.name, this.limits.clock, error)
  }
}

/** What comes back from `hooks: [consoleHook]`, say. */
function isHook(value: unknown): boolean {
  const { name, fire } = Object(value) as Partial<Hook>
  return typeof name === 'string' && typeof fire === 'function'
}
