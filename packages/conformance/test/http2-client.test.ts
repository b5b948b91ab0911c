import { once } from 'node:events'
import { constants, createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type Http2Client, http2Client } from '../src/http2-client.ts'
import { selfSigned } from '../src/self-signed.ts'

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

describe.each(['http', 'https'])('%s', (scheme) => {
  /** `/pending` is never answered; all else is echoed. */
  async function connected(): Promise<{ client: Http2Client; pending: Promise<ServerHttp2Stream> }> {
    const server: Server = scheme === 'http' ? createServer() : createSecureServer(selfSigned())
    const pending = new Promise<ServerHttp2Stream>((resolve) => {
      server.on('stream', (stream: ServerHttp2Stream, headers) => {
        stream.on('error', () => {})
        if (headers[':path'] === '/pending') return resolve(stream)
        stream.respond({ ':status': 200 })
        stream.pipe(stream)
      })
    })
    server.on('sessionError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = await http2Client(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`)
    cleanups.push(client.destroy, () => server.close())
    return { client, pending }
  }

  async function echo(client: Http2Client, body: string): Promise<string> {
    const stream = client.request({ method: 'POST', path: '/', body })
    stream.setEncoding('utf8')
    let text = ''
    for await (const piece of stream) text += piece
    return text
  }

  test('a request is answered, and a cancelled one leaves the connection to the next', async () => {
    const { client, pending } = await connected()
    expect(await echo(client, 'one')).toBe('one')
    const stream = client.request({ path: '/pending' })
    const peer = await pending
    client.cancel(stream)
    await once(peer, 'close')
    expect(peer.rstCode).toBe(constants.NGHTTP2_CANCEL)
    expect(client.reusable).toBe(true)
    expect(await echo(client, 'two')).toBe('two')
    await client.close()
    expect(client.reusable).toBe(false)
  })

  test.each(['destroy', 'reset'] as const)('%s takes the streams along', async (leave) => {
    const { client, pending } = await connected()
    const stream = client.request({ path: '/pending' })
    stream.on('error', () => {})
    const peer = await pending
    const closed = once(peer, 'close')
    client[leave]()
    await closed
    expect(client.reusable).toBe(false)
  })
})
