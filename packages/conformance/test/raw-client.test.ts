import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { type RawClient, rawClient } from '../src/raw-client.ts'
import { selfSigned } from '../src/self-signed.ts'

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A client and the server's end of its connection. */
async function connected(server: Server, tls = false): Promise<{ client: RawClient; peer: Socket }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, tls ? 'secureConnection' : 'connection')
  const { port } = server.address() as AddressInfo
  const client = await rawClient({ host: '127.0.0.1', port, tls })
  const [peer]: Socket[] = await accepted
  peer!.on('error', () => {})
  cleanups.push(
    client.destroy,
    () => peer!.destroy(),
    () => server.close(),
  )
  return { client, peer: peer! }
}

function plain(): Promise<{ client: RawClient; peer: Socket }> {
  return connected(createServer({ allowHalfOpen: true }))
}

const hi = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
const bye = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbye'

test('pipelined responses are read one after the other, and the rest is what is left', async () => {
  const { client, peer } = await plain()
  const responses = [client.response(), client.response()]
  peer.end(`${hi}${bye}surplus`)
  const [first, second] = await Promise.all(responses)
  expect(first!.body.toString()).toBe('hi')
  expect(second!.body.toString()).toBe('bye')
  expect((await client.rest()).toString()).toBe('surplus')
  expect(await client.closed).toBe('fin')
})

test('the peer gets what was sent', async () => {
  const { client, peer } = await plain()
  await client.send('text ')
  await client.send(Buffer.from('bytes'))
  client.fin()
  let received = ''
  for await (const bytes of peer) received += bytes
  expect(received).toBe('text bytes')
})

test('a half-close lets the answer through', async () => {
  const { client, peer } = await plain()
  peer.resume()
  client.fin()
  await once(peer, 'end')
  peer.end(hi)
  expect((await client.response()).body.toString()).toBe('hi')
  expect((await client.rest()).length).toBe(0)
  expect(await client.closed).toBe('fin')
})

test('a reset is a reset at the other end', async () => {
  const { client, peer } = await plain()
  const failed = once(peer, 'error')
  peer.resume()
  client.reset()
  const [error] = await failed
  expect(error).toMatchObject({ code: 'ECONNRESET' })
  expect(await client.closed).toBe('reset')
})

test('a destroyed client is an end at the other end', async () => {
  const { client, peer } = await plain()
  const errors: unknown[] = []
  peer.on('error', (error) => errors.push(error))
  peer.resume()
  client.destroy()
  await once(peer, 'end')
  expect(errors).toEqual([])
  expect(await client.closed).toBe('fin')
})

test('a reset by the peer cuts the response off, and is told from an end', async () => {
  const { client, peer } = await plain()
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
  const response = client.response({ onBody: () => peer.resetAndDestroy() })
  expect(await response).toMatchObject({ status: 200, complete: false })
  expect(await client.closed).toBe('reset')
})

test('a connection that ends without a response says so', async () => {
  const { client, peer } = await plain()
  peer.end()
  await expect(client.response()).rejects.toThrow('no response: connection ended: fin')
  await expect(client.response()).rejects.toThrow('no response')
})

test('a client that reads no more holds the peer up, until it reads on', async () => {
  const { client, peer } = await plain()
  const size = 32 * 1024 * 1024
  const paused = client.pauseAfter(100_000)
  let isWritten = false
  const written = new Promise<void>((resolve) => {
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    peer.write(Buffer.alloc(size), () => {
      isWritten = true
      resolve()
    })
  })
  const response = client.response()
  await paused
  expect(isWritten).toBe(false)
  client.resume()
  await written
  expect((await response).body.length).toBe(size)
})

test('sending to a connection that is gone does not hang', async () => {
  const { client, peer } = await plain()
  peer.resetAndDestroy()
  expect(await client.closed).toBe('reset')
  await client.send('too late')
})

test('nobody listens: the client says where', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  await expect(rawClient({ host: '127.0.0.1', port })).rejects.toThrow(`127.0.0.1:${port}`)
})

test('over TLS it reads, and resets the TCP connection below', async () => {
  const { client, peer } = await connected(createTlsServer(selfSigned()), true)
  peer.write(hi)
  expect((await client.response()).body.toString()).toBe('hi')
  const failed = once(peer, 'error')
  peer.resume()
  client.reset()
  const [error] = await failed
  expect(error).toMatchObject({ code: 'ECONNRESET' })
  expect(await client.closed).toBe('reset')
})
