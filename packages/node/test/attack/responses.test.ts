import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { get, RawClient } from '../raw-client.ts'
import { call as calling, deferred, fetched, never, session, soon, startListener } from '../support.ts'

describe('informational responses', () => {
  test('come before their own response in a pipeline, whatever that is made of', async () => {
    const first = deferred<void>()
    const { port } = await startListener(async (req, res) => {
      if (req.url === '/first') await first.promise
      else {
        res.writeEarlyHints({ link: '</a.css>; rel=preload' })
        first.resolve()
      }
      res.end(Buffer.from(`of ${req.url}`))
    })
    const client = await RawClient.sending(port, get('/first') + get('/second'))
    await client.saw('of /second')
    expect(client.received).toMatch(
      /of \/firstHTTP\/1\.1 103 Early Hints\r\n[\s\S]*\r\n\r\nHTTP\/1\.1 200 OK/,
    )
  })

  test('tell a client that waits in a pipeline to send its body when its turn has come', async () => {
    const first = deferred<void>()
    const { port } = await startListener(async (req, res) => {
      if (req.url === '/first') {
        await first.promise
        return res.end()
      }
      let body = ''
      for await (const chunk of req) body += chunk
      return res.end(Buffer.from(`got ${body}`))
    })
    const upload = get('/upload', { method: 'POST', headers: ['Expect: 100-continue', 'Content-Length: 4'] })
    const client = await RawClient.sending(port, get('/first') + upload)
    first.resolve()
    await client.saw('HTTP/1.1 100 Continue')
    client.send('body')
    await client.saw('got body')
    const responses = await client.responses(2)
    expect(responses.map(({ status, body }) => [status, body])).toEqual([
      [200, ''],
      [200, 'got body'],
    ])
  })

  test('go the way of a response that times out before its turn', async () => {
    const clock = new ManualClock()
    const arrived = deferred<void>()
    const first = deferred<void>()
    const { port, outcomes } = await startListener(
      async (req, res) => {
        if (req.url === '/first') await first.promise
        else if (req.url === '/second') {
          res.writeEarlyHints({ link: '</a.css>; rel=preload' })
          await never()
        } else {
          res.writeProcessing()
          arrived.resolve()
        }
        res.end(`of ${req.url}`)
      },
      { timeoutMs: 100, clock },
    )
    const client = await RawClient.sending(port, get('/first') + get('/second') + get('/third'))
    await arrived.promise
    first.resolve()
    await client.saw('of /first')
    await clock.advance(100)
    const responses = await client.responses(3)
    expect(responses.map(({ status }) => status)).toEqual([200, 503, 200])
    expect(client.received).toMatch(/HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*of \/third$/)
    const kinds = (await outcomes.reached(3)).map(({ kind }) => kind)
    expect(kinds).toEqual(['completed', 'timed-out', 'completed'])
  })

  test('of a handler that is late fill no connection that is on to the next request', async () => {
    const clock = new ManualClock()
    const timedOut = deferred<void>()
    const { port, late } = await startListener(
      async (req, res) => {
        if (req.url === '/next') return void res.end('next')
        res.writeProcessing()
        await timedOut.promise
        for (let i = 0; i < 5_000; i++) res.writeProcessing()
      },
      { timeoutMs: 100, clock },
    )
    const client = await RawClient.sending(port, get())
    await client.saw('102 Processing')
    await clock.advance(100)
    await client.response()
    timedOut.resolve()
    await late.first()
    client.send(get('/next'))
    const [, next] = await client.responses(2)
    expect(next).toMatchObject({ status: 200, body: 'next' })
    expect(client.received.match(/102 Processing/g)).toHaveLength(1)
  })

  test('are not sent behind their response, where they would belong to the next one', async () => {
    const { port } = await startListener((_, res) => {
      res.end('ok')
      res.writeProcessing()
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    })
    const client = await RawClient.sending(port, get())
    await client.response()
    client.send(get())
    await client.responses(2)
    expect(client.received).not.toMatch(/HTTP\/1\.1 1/)
  })
})

describe('a response that has ended', () => {
  test('is sent, however its handler corks it then', async () => {
    const { port } = await startListener((_, res) => {
      res.end('ok')
      res.cork()
    })
    expect(await fetched('http', port)).toMatchObject({ status: 200, body: 'ok' })
  })

  test.each(['http', 'h2c'] as const)(
    'is sent over %s, although it is written to and destroyed',
    async (protocol) => {
      const { port, outcomes } = await startListener(
        (_, res) => {
          res.on('error', () => {})
          res.end('ok')
          res.write('more')
          res.destroy(new Error('late'))
        },
        { protocol },
      )
      expect(await fetched(protocol, port)).toMatchObject({ status: 200, body: 'ok', broken: undefined })
      expect(await outcomes.first()).toMatchObject({ kind: 'completed', status: 200 })
    },
  )

  test('is sent, and what its handler rejects with is told', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => told.mockRestore())
    const error = new Error('after the end')
    const { port } = await startListener(async (_, res) => {
      res.end('ok')
      throw error
    })
    expect(await fetched('http', port)).toMatchObject({ status: 200, body: 'ok' })
    expect(told.mock.calls).toEqual([['Curfew handler failed after its response:', error]])
  })

  test('calls back whoever ends it, also when HTTP/2 wants the head alone', async () => {
    const ended = deferred<void>()
    const { port } = await startListener((_, res) => void res.end(() => ended.resolve()), { protocol: 'h2c' })
    await fetched('h2c', port, { method: 'HEAD' })
    await ended.promise
  })
})

test.each([
  ['once it has ended', (res: ServerResponse) => void res.end('body')],
  [
    'before it has ended',
    async (res: ServerResponse) => {
      res.flushHeaders()
      await Promise.resolve()
      res.end('body')
    },
  ],
])('a head that HTTP/2 refuses when it is sent %s is a whole 500', async (_, send) => {
  const { port, outcomes } = await startListener(
    (_, res) => {
      res.setHeader('etag', ['"a"', '"b"'])
      return send(res)
    },
    { protocol: 'h2c' },
  )
  const answer = await fetched('h2c', port)
  expect(answer).toMatchObject({ status: 500, broken: undefined })
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'HANDLER_FAILED' })
  expect(await outcomes.first()).toMatchObject({
    kind: 'failed',
    status: 500,
    error: { code: 'ERR_HTTP2_HEADER_SINGLE_VALUE' },
  })
})

test.each(['http', 'h2c'] as const)(
  'over %s, a response of a client that has left can be ended',
  async (protocol) => {
    const held = deferred<ServerResponse>()
    const { port, outcomes } = await startListener(
      (_, res) => {
        held.resolve(res)
        return never()
      },
      { protocol },
    )
    if (protocol === 'http') (await RawClient.sending(port, get())).close()
    else {
      const stream = session('h2c', port).request({ ':path': '/' })
      stream.on('error', () => {})
      await held.promise
      stream.close()
    }
    const response = await held.promise
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed' })
    response.end()
    expect(response.writableEnded).toBe(true)
  },
)

describe.each(['http', 'h2c'] as const)('over %s, a handler that destroys its response', (protocol) => {
  test('has failed, and not its client: its connection is closed without a response', async () => {
    const { port, outcomes, stats } = await startListener((_, res) => void res.destroy(), { protocol })
    await expect(fetched(protocol, port)).rejects.toThrow()
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      phase: 'handling',
      error: { code: 'UNANSWERED' },
    })
    expect(stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('has failed, also in the middle of it', async () => {
    const { port, outcomes, stats } = await startListener(
      (_, res) => {
        res.flushHeaders()
        res.write('half', () => res.destroy())
      },
      { protocol },
    )
    const { broken } = await fetched(protocol, port)
    expect(broken).toBeDefined()
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      error: { code: 'UNANSWERED' },
    })
    expect(stats).toMatchObject({ active: 0, abandoned: 0 })
  })

  test('once it is sent has completed', async () => {
    const { port, outcomes } = await startListener((_, res) => void res.end('whole', () => res.destroy()), {
      protocol,
    })
    expect(await fetched(protocol, port)).toMatchObject({ body: 'whole', broken: undefined })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
  })
})

describe.each(['http', 'h2c'] as const)(
  'over %s, what is more than a response may have in memory',
  (protocol) => {
    test.each(['stream', 'fail'] as const)(
      'stops its source, although that is there at once and has no end (%s)',
      async (overflow) => {
        const chunk = Buffer.alloc(64 * 1024, 'a')
        let taken = 0
        const stopped = deferred<void>()
        const { port, outcomes } = await startListener(
          (_, res) => {
            const source = new Readable({
              read() {
                // Nobody would stop it.
                if (++taken > 1_000) throw new Error('taken without end')
                this.push(chunk)
              },
            })
            source.on('pause', () => stopped.resolve())
            source.pipe(res)
          },
          { protocol, overflow },
        )
        const call = calling(protocol, port)
        await soon(stopped.promise)
        if (overflow === 'fail') expect(await call.answer).toMatchObject({ status: 500, broken: undefined })
        else {
          await call.begun
          call.leave()
        }
        await outcomes.first()
        expect(taken).toBeLessThan(200)
      },
    )

    test('goes on when there is room', async () => {
      const { port } = await startListener(
        async (_, res) => {
          for (let i = 0; i < 10; i++) if (!res.write('0123456789')) await once(res, 'drain')
          res.end()
        },
        { protocol, maxBytes: 15 },
      )
      expect(await fetched(protocol, port)).toMatchObject({
        body: '0123456789'.repeat(10),
        broken: undefined,
      })
    })
  },
)

test('an upload that its handler gives up at the deadline is skipped, and the connection is on to the next request', async () => {
  const { port, late } = await startListener(
    async (req, res, { signal }) => {
      if (req.url === '/next') return void res.end('next')
      const full = new Writable({ highWaterMark: 1, write() {} })
      await pipeline(req, full, { signal })
    },
    { timeoutMs: 20 },
  )
  const size = 4 * 1024 * 1024
  const client = await RawClient.sending(
    port,
    get('/', { method: 'POST', headers: [`Content-Length: ${size}`] }),
  )
  client.send('a'.repeat(size))
  await client.responses(1)
  expect(await late.first()).toMatchObject({ kind: 'cancelled' })
  client.send(get('/next'))
  const responses = await client.responses(2)
  expect(responses.map(({ status }) => status)).toEqual([503, 200])
})
