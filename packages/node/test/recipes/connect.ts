import { type CallOptions, Code, ConnectError } from '@connectrpc/connect'
import type { Budget } from '@curfew/core'

/** What a timer can hold; more is no limit worth telling. */
const LONGEST_MS = 2 ** 31 - 1

/** How much earlier than the guard's deadline Connect's own may strike, in milliseconds. */
const MOMENT_MS = 10

/** Calls within the budget: rejects with the signal's reason once that aborts, and with Connect's error for all the rest. */
export async function within<Reply>(
  { signal, deadline }: Budget,
  call: (options: CallOptions) => Promise<Reply>,
): Promise<Reply> {
  signal.throwIfAborted()
  const remainingMs = deadline.remainingMs()
  // To Connect 0 means no timeout at all, and a fraction of a millisecond is no timeout.
  const timeoutMs = Math.max(Math.floor(remainingMs), 1)
  try {
    return await call(remainingMs > LONGEST_MS ? { signal } : { signal, timeoutMs })
  } catch (error) {
    // Both strike at the same instant. That of the guard says so by its signal, in a moment.
    const isOver =
      ConnectError.from(error).code === Code.DeadlineExceeded && deadline.remainingMs() < MOMENT_MS
    if (isOver) await aborted(signal)
    throw signal.aborted ? signal.reason : error
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
