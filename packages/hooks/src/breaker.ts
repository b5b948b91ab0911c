import { AttemptError } from './post.ts'
import { unlessAborted } from './unless-aborted.ts'

/** Nothing was sent: the receiver has failed too often of late. The message is that of its last failure. */
export class SparedError extends Error {}

/**
 * Spares a receiver that is down: after so many failures in a row nothing is tried for so long, and then one attempt finds
 * out whether it is up again. Whoever comes meanwhile waits for that. By a clock that never goes back, for on that of
 * the wall, set back by an hour, the while would last an hour more.
 */
export class Breaker {
  private readonly breakAfter: number
  private readonly breakMs: number
  private readonly now: () => number
  private failures = 0
  private lastFailure = ''
  private sparedUntil = 0
  private trial: Promise<void> | undefined

  constructor(breakAfter: number, breakMs: number, now: () => number = () => performance.now()) {
    this.breakAfter = breakAfter
    this.breakMs = breakMs
    this.now = now
  }

  /** @throws {SparedError} while the receiver is down, or nobody waits any more; whatever `attempt` throws */
  async run(attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (this.isDown) {
      if (this.now() >= this.sparedUntil) return this.tryOut(attempt)
      if (!this.trial) throw this.spared()
      await unlessAborted(signal, this.trial, () => this.spared())
    }
    return this.follow(attempt)
  }

  private get isDown(): boolean {
    return this.failures >= this.breakAfter
  }

  private async tryOut(attempt: () => Promise<void>): Promise<void> {
    // From now on, for some runtimes drop an attempt with the request that made it: then the next one is due after that.
    this.spare()
    const trying = this.follow(attempt)
    const trial = trying.catch(() => {})
    this.trial = trial
    try {
      await trying
    } finally {
      if (this.trial === trial) this.trial = undefined
      if (this.isDown) this.spare()
    }
  }

  private spared(): SparedError {
    return new SparedError(this.lastFailure)
  }

  private spare(): void {
    this.sparedUntil = this.now() + this.breakMs
  }

  /** An answer that is final shows that it is up; what is no answer, and no failure to get one, shows nothing. */
  private async follow(attempt: () => Promise<void>): Promise<void> {
    try {
      await attempt()
      this.failures = 0
    } catch (error) {
      if (error instanceof AttemptError) {
        this.failures = error.retry ? this.failures + 1 : 0
        this.lastFailure = error.message
        if (this.failures === this.breakAfter) this.spare()
      }
      throw error
    }
  }
}
