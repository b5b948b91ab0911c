import { createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { guardListener } from '@curfew/node'
import { idOf, type Serve } from '../kit.ts'
import { answerListener } from './answer-listener.ts'
import { contained } from './contained.ts'
import { HOST, listening } from './listening.ts'

export const serve: Serve = (kit) => {
  contained(kit)
  const listener = guardListener(
    (incoming: Http2ServerRequest, outgoing: Http2ServerResponse, scope) =>
      answerListener(kit, incoming, outgoing, () => scope.signal),
    kit.guard,
  )
  const server = createServer((incoming, outgoing) => {
    outgoing.setHeader('x-id', idOf(incoming.url))
    listener(incoming, outgoing)
  })
  return listening(server.listen(kit.port, HOST), listener.stats)
}
