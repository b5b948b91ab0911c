import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { guardListener } from '@curfew/node'
import { HOST, LIMIT_MS, TEXT, workAt } from '../work.ts'
import { listening, type Servers } from './servers.ts'

function listener(request: IncomingMessage, response: ServerResponse): void {
  const work = workAt(request.url!)
  if (work) void work.then(() => response.end(TEXT))
  else response.end(TEXT)
}

function serve(handler: RequestListener): Promise<number> {
  return listening(createServer(handler).listen(0, HOST))
}

export const servers: Servers = {
  bare: () => serve(listener),
  'guardListener()': () => serve(guardListener(listener, { timeoutMs: LIMIT_MS })),
}
