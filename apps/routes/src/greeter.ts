import type { FetchHandler, GuardFunction } from './create-handler.ts'
import { sleep } from './sleep.ts'

/** The upstream service that a slow route calls. */
export interface Greeter {
  sayHello(call: { name: string; delayMs: number }, options: { signal: AbortSignal }): Promise<string>
}

export interface GreeterEvent {
  state: 'started' | 'finished' | 'cancelled'
  name: string
}

/**
 * The upstream as an HTTP service, for runtimes without gRPC: greets after a while, and gives a call up as soon as
 * nobody waits for it. It is guarded by whatever guard the runtime has.
 */
export function createGreeter(guard: GuardFunction, onCall: (event: GreeterEvent) => void): FetchHandler {
  async function greet(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const name = searchParams.get('name') ?? 'world'
    onCall({ state: 'started', name })
    try {
      await sleep(Number(searchParams.get('delayMs')), request.signal)
      onCall({ state: 'finished', name })
      return new Response(`Hello ${name}`)
    } catch (error) {
      onCall({ state: 'cancelled', name })
      throw error
    }
  }
  const guarded = guard(greet, { timeoutMs: false, watch: 'eager' })
  return (request, ...rest) => guarded(request, ...(rest as never[]))
}

/** A client of that service: an aborted signal closes its connection, by which the service knows. */
export function connectGreeter(url: string | URL): Greeter {
  return {
    async sayHello({ name, delayMs }, { signal }) {
      const query = new URLSearchParams({ name, delayMs: String(delayMs) })
      const response = await fetch(new URL(`?${query}`, url), { signal })
      return response.text()
    },
  }
}
