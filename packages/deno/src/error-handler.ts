import { ClientClosedError, problem, ShutdownError, StreamTimeoutError } from '@curfew/core'
import type { ErrorHandler } from './answering.ts'

/** What was thrown and is in the record of its request, so that there is no need to print it. */
export const recorded: WeakSet<object> = new WeakSet()

/** What Deno is to call with whatever reaches it, streams that Curfew itself has broken off among it. */
export function errorHandler(onError: ErrorHandler = logged): ErrorHandler {
  return (error) => (isOwn(error) ? failure() : onError(error))
}

function logged(error: unknown): Response {
  if (!recorded.has(Object(error))) console.error(error)
  return failure()
}

function failure(): Response {
  return problem(500, 'HANDLER_FAILED')
}

/** They are in the record of their request. */
function isOwn(error: unknown): boolean {
  return (
    error instanceof StreamTimeoutError ||
    error instanceof ShutdownError ||
    error instanceof ClientClosedError
  )
}
