import { guard } from '@curfew/core'
import type { Cases } from './cases.ts'

const request = new Request('http://localhost/')
const response = new Response('hi')
const answered = Promise.resolve(response)

function handleSync(_request: Request): Response {
  return response
}

async function handleAsync(_request: Request): Promise<Response> {
  return await answered
}

const guardedSync = guard(handleSync, { timeoutMs: 5_000 })
const guardedAsync = guard(handleAsync, { timeoutMs: 5_000 })
const recorded = guard(handleAsync, { timeoutMs: 5_000, onOutcome: () => {} })

/** The usual recipe, with its timer cleared. */
async function raced(): Promise<Response> {
  const timeout = AbortSignal.timeout(5_000)
  const signal = AbortSignal.any([request.signal, timeout])
  return Promise.race([
    handleAsync(request),
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    }),
  ])
}

export const guardCases: Record<string, Cases> = {
  'synchronous handler': {
    bare: () => handleSync(request),
    guard: () => guardedSync(request),
  },
  'asynchronous handler': {
    bare: () => handleAsync(request),
    guard: () => guardedAsync(request),
    'guard with onOutcome': () => recorded(request),
    'Promise.race and AbortSignal.any': () => raced(),
  },
}
