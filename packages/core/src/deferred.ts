import type { Arms } from './abandoned.ts'
import type { HandlerResult } from './race.ts'

/**
 * What a handler returns that says by a call, and not by a promise, how it settles; as with a promise, the first one counts.
 * What is sent is then told to the client of the request alone. So a request for which everybody calls needs no promise,
 * where there would be one for the handler, one for the response, and one for who sends it.
 */
export class Deferred {
  /** Who is told: the race whose handler it is, or who else waits for it. */
  arms: Arms = nobody

  resolve(result?: HandlerResult): void {
    void this.take().responded(result)
  }

  reject(error: unknown): void {
    this.take().threw(error)
  }

  /** @internal The promise that it stands for. */
  toPromise(): Promise<HandlerResult> {
    return new Promise((responded, threw) => {
      this.arms = { responded, threw }
    })
  }

  private take(): Arms {
    const { arms } = this
    this.arms = nobody
    return arms
  }
}

const nobody: Arms = { responded() {}, threw() {} }
