import { type Clock, StreamTimeoutError } from '@curfew/core'
import { Alarm } from '@curfew/core/adapter'

/** How long a response may take once it has begun, in milliseconds. */
export interface StreamLimits {
  readonly streamIdleMs: number
  readonly streamTotalMs: number
  readonly clock: Clock
}

/** The limits of one response that has begun and is written piece by piece, by whoever writes it. */
export class StreamAlarms {
  private readonly limits: StreamLimits
  private readonly isWaiting: () => boolean
  private readonly idle: Alarm
  private readonly total: Alarm

  /**
   * @param isWaiting whether it is the client that is slow, which is no reason to strike
   * @param strike called once
   */
  constructor(
    limits: StreamLimits,
    isWaiting: () => boolean,
    strike: (error: StreamTimeoutError, lateMs: number) => void,
  ) {
    const { streamIdleMs, streamTotalMs, clock } = limits
    this.limits = limits
    this.isWaiting = isWaiting
    this.idle = new Alarm(clock, (lateMs) => {
      if (this.isWaiting()) return this.wrote()
      this.end()
      strike(new StreamTimeoutError('idle', streamIdleMs), lateMs)
    })
    this.total = new Alarm(clock, (lateMs) => {
      this.end()
      strike(new StreamTimeoutError('total', streamTotalMs), lateMs)
    })
    this.total.set(clock.now() + streamTotalMs)
    this.wrote()
  }

  wrote(): void {
    const { clock, streamIdleMs } = this.limits
    this.idle.set(clock.now() + streamIdleMs)
  }

  end(): void {
    this.idle.clear()
    this.total.clear()
  }
}
