import type { ServerResponse } from 'node:http'

/** What `inject()` of Fastify (light-my-request) collects of a response, for no socket is under it. */
interface Collected {
  readonly payloadChunks?: Buffer[]
  readonly stream?: { push(chunk: Buffer): unknown }
}

type Injected = ServerResponse & { readonly _lightMyRequest: Collected; _header: string | null }

/** Whether a response was made to be looked at, and not to be sent. */
export function isInjected(response: object): boolean {
  return 'isLightMyRequest' in response
}

/** Puts another response in the place of what has been collected; its head is that of `response` already. */
export function collect(response: ServerResponse, body: readonly Buffer[]): void {
  const injected = response as Injected
  const { _lightMyRequest: collected } = injected
  injected._header = null
  // Its own, for those that it has itself are no longer to have an effect.
  const { writeHead } = Object.getPrototypeOf(response) as ServerResponse
  writeHead.call(response, response.statusCode)
  if (collected.payloadChunks) collected.payloadChunks.splice(0, Number.POSITIVE_INFINITY, ...body)
  else for (const chunk of body) collected.stream?.push(chunk)
}
