import { Alarm } from './alarm.ts'
import type { Clock } from './clock.ts'
import { StreamTimeoutError } from './errors.ts'

export interface StreamLimits {
  /** Milliseconds that a reader may wait for a chunk. */
  streamIdleMs: number
  /** Milliseconds for the whole stream, from now. */
  streamTotalMs: number
  clock: Clock
}

/** Who is told, exactly once, how a stream went. */
export interface StreamWatcher {
  /** It was read to its end. */
  streamEnded(): void
  /** A limit struck; the stream has been broken with that error. */
  streamStruck(error: StreamTimeoutError, lateMs: number): void
  /** Its source broke. */
  streamBroke(error: unknown): void
  /** Its reader lost interest. */
  streamCancelled(): void
}

/** A stream that can be broken from outside. */
export interface LimitedStream {
  readonly stream: ReadableStream<Uint8Array>
  /** Whether it has ended, in whatever way. */
  readonly over: boolean
  /** Its reader gets this error instead of the end, its source is told; nobody else is. */
  breakOff(error: unknown): void
}

/**
 * The same chunks under time limits. When one strikes the stream errors, so that the runtime resets the connection: a
 * clean end would pass half a body off as a whole one. Only the time that the reader waits counts as idle, so a slow
 * reader is no reason to strike.
 */
export function limitStream(
  source: ReadableStream<Uint8Array>,
  { streamIdleMs, streamTotalMs, clock }: StreamLimits,
  watcher: StreamWatcher,
): LimitedStream {
  const reader = source.getReader()
  const idle = new Alarm(clock, (lateMs) => strike(new StreamTimeoutError('idle', streamIdleMs), lateMs))
  const total = new Alarm(clock, (lateMs) => strike(new StreamTimeoutError('total', streamTotalMs), lateMs))
  let controller: ReadableStreamDefaultController<Uint8Array>
  let over = false

  function end(): boolean {
    if (over) return false
    over = true
    idle.clear()
    total.clear()
    return true
  }

  function breakOff(error: unknown): boolean {
    if (!end()) return false
    controller.error(error)
    reader.cancel(error).catch(() => {})
    return true
  }

  function strike(error: StreamTimeoutError, lateMs: number): void {
    if (breakOff(error)) watcher.streamStruck(error, lateMs)
  }

  const stream = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own
        total.set(clock.now() + streamTotalMs)
      },
      async pull() {
        idle.set(clock.now() + streamIdleMs)
        try {
          const { done, value } = await reader.read()
          idle.clear()
          if (over) return
          if (!done) return controller.enqueue(value)
          end()
          controller.close()
          watcher.streamEnded()
        } catch (error) {
          if (!end()) return
          // Some runtimes log what a body breaks with there and then, unless it is known to be recorded.
          watcher.streamBroke(error)
          controller.error(error)
        }
      },
      cancel(reason) {
        if (end()) watcher.streamCancelled()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    get over() {
      return over
    },
    breakOff,
  }
}
