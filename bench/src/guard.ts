import { guard } from '@curfew/core'
import { compare } from './compare.ts'
import { lightRequest } from './light-request.ts'

const response = new Response('hi')
const settled = Promise.resolve(response)

function handleSync(_request: Request): Response {
  return response
}

async function handleAsync(_request: Request): Promise<Response> {
  return await settled
}

const options = { timeoutMs: 5_000 }
const guardedSync = guard(handleSync, options)
const guardedAsync = guard(handleAsync, options)
const recorded = guard(handleAsync, { ...options, onOutcome: () => {} })

/** The usual recipe. */
function raced(): Promise<Response> {
  const client = new AbortController()
  const signal = AbortSignal.any([client.signal, AbortSignal.timeout(5_000)])
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
  return Promise.race([handleAsync(lightRequest()), aborted])
}

await compare({
  'synchronous handler': {
    bare: () => handleSync(lightRequest()),
    guard: () => guardedSync(lightRequest()),
  },
  'asynchronous handler': {
    bare: () => handleAsync(lightRequest()),
    guard: () => guardedAsync(lightRequest()),
    'guard with onOutcome': () => recorded(lightRequest()),
    'Promise.race with AbortSignal.any': () => raced(),
  },
})
