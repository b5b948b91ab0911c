import type { Budget } from '@curfew/core'
import { type CallOptions, type ClientUnaryCall, type ServiceError, status } from '@grpc/grpc-js'

type Done<Reply> = (error: ServiceError | null, reply?: Reply) => void

/** How much earlier than the guard's deadline gRPC's own may strike, in milliseconds. */
const MOMENT_MS = 10

/** One call within the budget: rejects with the signal's reason once that aborts, and with gRPC's error for all the rest. */
export async function unary<Reply>(
  { signal, deadline }: Budget,
  call: (options: CallOptions, done: Done<Reply>) => ClientUnaryCall,
): Promise<Reply> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const cancel = () => {
      reject(signal.reason)
      // In the microtasks after its start, grpc-js takes a call for cancelled but sends it all the same.
      setImmediate(() => started.cancel())
    }
    const started = call({ deadline: Date.now() + deadline.remainingMs() }, (error, reply) => {
      // Both strike at the same instant. That of the guard says so by its signal, in a moment.
      if (error?.code === status.DEADLINE_EXCEEDED && deadline.remainingMs() < MOMENT_MS) return
      signal.removeEventListener('abort', cancel)
      if (error) reject(error)
      else resolve(reply!)
    })
    signal.addEventListener('abort', cancel, { once: true })
  })
}
