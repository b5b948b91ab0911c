import type { Scope } from '@curfew/core'
import { isCancellation } from '@curfew/core/adapter'

/** Whether an error only says that the body, or the work, of a request that had ended was stopped. */
export function isAftermath(error: unknown, { reason }: Scope): boolean {
  if (!reason) return false
  return codeOf(error) === 'ERR_STREAM_PREMATURE_CLOSE' || isCancellation(error, reason)
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
