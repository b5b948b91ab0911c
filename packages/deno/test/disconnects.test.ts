import { http2Client } from '@curfew/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, run } from './support.ts'

let server: Running

function serving(
  name: string,
  env: Record<string, string>,
  args: string[],
  declare: () => void,
  quiet = true,
): void {
  describe(name, () => {
    beforeAll(async () => {
      server = await run(env, args)
    })
    afterAll(async () => {
      await server.stop()
      if (quiet) expect(server.stderr()).not.toMatch(/\n\s+at /)
    })
    declare()
  })
}

/** Something else has been answered: what was to come of the request before has come. */
async function settled(): Promise<void> {
  await (await server.fetch(server.path('asynchronous'))).text()
}

function aboutResponses(): void {
  test.each(['synchronous', 'asynchronous', 'finite'])(
    'a response that was delivered aborts nothing: %s',
    async (route) => {
      const path = server.path(route)
      expect((await server.fetch(path)).status).toBe(200)
      expect(await server.told('ending', path)).toMatchObject({ kind: 'completed' })
      await settled()
      expect(server.count('abort', path)).toBe(0)
      expect(server.count('ending', path)).toBe(1)
    },
  )

  test('nor does it when the signal is first read after it', async () => {
    const path = server.path('read-later')
    await (await server.fetch(path)).text()
    expect(await server.told('read-later', path)).toMatchObject({ aborted: false })
  })

  test.each(['FIN', 'RST'])(
    'a client that leaves a stream by %s is seen, and told to the handler',
    async (way) => {
      for (const route of ['marked-stream', 'plain-stream']) {
        const path = server.path(route)
        const client = await server.send(path)
        await client.pauseAfter(1)
        if (way === 'RST') client.reset()
        else client.destroy()
        expect(await server.told('ending', path)).toMatchObject({ kind: 'client-closed', phase: 'writing' })
        if (route === 'plain-stream') {
          expect(await server.told('abort', path)).toMatchObject({ code: 'CLIENT_CLOSED' })
          await server.told('cancel', path)
        }
        expect(server.count('ending', path)).toBe(1)
      }
    },
  )

  // If not, it is as right, but slower: Deno has moved what tells it.
  test('a response of text is known to be no stream', async () => {
    expect(await (await server.fetch(server.path('static'))).json()).toEqual([true, false])
  })

  test('a stream that breaks is recorded as that, and the connection is reset', async () => {
    const path = server.path('breaks')
    const client = await server.send(path)
    expect(await client.response()).toMatchObject({ status: 200, complete: false })
    expect(await server.told('ending', path)).toMatchObject({ kind: 'failed', phase: 'streaming' })
  })

  test('a client that leaves before anybody looks is not seen before its limit', async () => {
    const path = server.path('too-late')
    const client = await server.send(path)
    await server.told('started', path)
    client.reset()
    expect(await server.told('too-late', path)).toMatchObject({ aborted: false })
    await server.told('ending', path)
  })
}

serving('the signal of Deno', {}, [], aboutResponses)
serving('the same without its legacy abort', {}, ['--unstable-no-legacy-abort'], aboutResponses)
// Deno itself logs what a stream breaks with.
serving('the same under guard()', { MODE: 'guard' }, [], aboutResponses, false)

serving('uploads', {}, [], () => {
  test.each(['FIN', 'RST', 'half-close'])(
    'one that is cut short by %s is a client that left',
    async (way) => {
      for (const headers of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
        const path = server.path('echo-followed')
        const client = await server.raw()
        const body = headers.startsWith('C') ? 'x'.repeat(500) : '5\r\nhello\r\n'
        await client.send(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n\r\n${body}`)
        await server.told('started', path)
        if (way === 'RST') client.reset()
        else if (way === 'FIN') client.destroy()
        else client.fin()
        expect(await server.told('ending', path)).toMatchObject({ kind: 'client-closed', phase: 'handling' })
        expect(await server.told('abort', path)).toMatchObject({ code: 'CLIENT_CLOSED' })
        // The handler has done nothing wrong.
        expect(await server.told('late', path)).toMatchObject({ settlement: 'cancelled' })
        expect(server.count('ending', path)).toBe(1)
      }
    },
  )

  test('one over HTTP/2 that is shorter than it said is no success', async () => {
    for (const way of ['stream', 'connection']) {
      const path = server.path('echo')
      const client = await http2Client(server.url)
      const stream = client.session.request({ ':method': 'POST', ':path': path, 'content-length': '100000' })
      stream.on('error', () => {})
      stream.write(Buffer.alloc(50_000))
      await server.told('started', path)
      if (way === 'stream') client.cancel(stream)
      else client.destroy()
      expect(await server.told('ending', path)).toMatchObject({ kind: 'client-closed', phase: 'handling' })
      client.destroy()
    }
  })

  test('a whole one is whole, with a length and without', async () => {
    const path = server.path('echo')
    const reply = await server.fetch(path, { method: 'POST', body: 'x'.repeat(100_000) })
    expect(await reply.text()).toBe('100000')
    const stream = new Blob(['x'.repeat(100_000)]).stream()
    const chunked = await server.fetch(path, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    expect(await chunked.text()).toBe('100000')
  })
})
