import { type AbortReason, isCancellation } from './errors.ts'
import type { Policy } from './options.ts'
import type { LateSettlement } from './outcome.ts'
import type { HandlerResult } from './race.ts'

/** Who is told how a handler settles. */
export interface Arms {
  responded(result: HandlerResult): void | Promise<void>
  threw(error: unknown): void
}

/** A handler that was still at work when its request ended, as guards count it. It holds on to nothing of the request. */
export class Abandoned implements Arms {
  private readonly guards: readonly Policy[]
  private readonly isCounted: boolean
  private settled = false
  /** Where the handler is left to it alone: the like of what its signal was aborted with. */
  makeReason: (() => AbortReason) | undefined = undefined

  /** @param isCounted whether it is expected to settle */
  constructor(guards: readonly Policy[], isCounted: boolean) {
    this.guards = guards
    this.isCounted = isCounted
    if (isCounted) for (const { counters } of guards) counters.abandoned++
  }

  /** It has settled, or never will. Whether that is news. */
  settle(kind: LateSettlement['kind']): boolean {
    if (this.settled) return false
    this.settled = true
    for (const { counters } of this.guards) {
      if (this.isCounted) counters.abandoned--
      counters.late[kind]++
    }
    return true
  }

  responded(result: HandlerResult): void {
    discard(result, this.makeReason?.())
    this.settle('completed')
  }

  threw(error: unknown): void {
    this.settle(isCancellation(error, this.makeReason?.()) ? 'cancelled' : 'failed')
  }
}

/** Tells whoever makes the body that nobody reads it. */
export function discard(result: HandlerResult, reason: unknown): void {
  try {
    result?.body?.cancel(reason).catch(() => {})
  } catch {}
}
