import { once } from 'node:events'
import { Agent, type ClientRequest, get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { type CurfewServer, type ServeOptions, serve } from '@curfew/node'
import { onTestFinished } from 'vitest'

/** A server at a free port, which is closed after the test. */
export async function served(options: ServeOptions): Promise<{ server: CurfewServer; url: string }> {
  const server = serve({ ...options, port: 0, hostname: '127.0.0.1' })
  onTestFinished(() => void server.close({ graceMs: 0 }))
  const { port } = await server.listening
  return { server, url: `http://127.0.0.1:${port}` }
}

/** A client that keeps one connection, which is closed after the test. */
export function oneConnection(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  return agent
}

export interface Reply {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly reused: boolean
}

export async function fetchOver(agent: Agent, url: string): Promise<Reply> {
  const request = get(url, { agent })
  const response = await head(request)
  const { statusCode: status, headers } = response
  return { status, headers, body: await text(response), reused: request.reusedSocket }
}

export async function head(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = await once(request, 'response')
  return response
}

/** Pieces of text as they arrive; each one is asked for. */
export function pieces(response: IncomingMessage): () => Promise<string | undefined> {
  const iterator = response.setEncoding('utf8')[Symbol.asyncIterator]()
  return async () => {
    const { done, value } = await iterator.next()
    return done ? undefined : value
  }
}
