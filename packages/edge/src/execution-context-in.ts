import type { ExecutionContext } from '@curfew/core/adapter'

/** The last of the arguments that has a `waitUntil`: it comes after bindings, whose names are anybody's. */
export function executionContextIn(passed: readonly unknown[]): ExecutionContext | undefined {
  return passed.findLast(isExecutionContext)
}

function isExecutionContext(value: unknown): value is ExecutionContext {
  return typeof (value as ExecutionContext | null | undefined)?.waitUntil === 'function'
}
