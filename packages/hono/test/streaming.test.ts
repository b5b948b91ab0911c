import { Agent, get } from 'node:http'
import type { Outcome } from '@curfew/core'
import { curfew, deadline, scopeOf } from '@curfew/hono'
import { Hono, type MiddlewareHandler } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import { describe, expect, onTestFinished, test } from 'vitest'
import { head, pieces, served } from './sockets.ts'
import { deferred, observed } from './support.ts'

const guards: [name: string, more: MiddlewareHandler[]][] = [
  ['curfew()', []],
  ['curfew() and deadline(false)', [deadline(false)]],
  ['curfew({ buffer: true })', [curfew({ buffer: true })]],
]

describe.each(guards)('streamSSE() under %s', (_, more) => {
  /** A feed that the test writes, and a client that reads it. */
  async function feed() {
    const recorded = deferred<Outcome>()
    const { options, ...watched } = observed()
    const { onOutcome } = options
    const writing = deferred<SSEStreamingApi>()
    const aborted = deferred()
    const end = deferred()
    const signal = deferred<AbortSignal>()
    const app = new Hono()
    app.use(
      curfew({
        ...options,
        onOutcome: (outcome, request) => {
          onOutcome(outcome, request)
          recorded.resolve(outcome)
        },
      }),
    )
    for (const guard of more) app.use(guard)
    app.get('/', (c) => {
      signal.resolve(scopeOf(c).signal)
      return streamSSE(c, async (stream) => {
        stream.onAbort(() => aborted.resolve())
        writing.resolve(stream)
        await end.promise
      })
    })
    const { url } = await served({ fetch: app.fetch })
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const request = get(url, { agent })
    onTestFinished(() => void request.destroy())
    const out = await writing.promise
    return {
      ...watched,
      request,
      out,
      end,
      aborted,
      signal: await signal.promise,
      recorded: recorded.promise,
    }
  }

  test('the first event arrives before the end, and others long after the deadline', async () => {
    const { request, out, end, clock, outcomes, recorded } = await feed()
    const response = await head(request)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe('text/event-stream')
    const next = pieces(response)
    await out.writeSSE({ data: 'first' })
    expect(await next()).toBe('data: first\n\n')
    await clock.advance(100_000)
    expect(outcomes).toEqual([])
    await out.writeSSE({ data: 'second' })
    expect(await next()).toBe('data: second\n\n')
    end.resolve()
    expect(await next()).toBeUndefined()
    expect(await recorded).toMatchObject({ kind: 'completed', status: 200 })
    await clock.advance(100_000)
    expect(outcomes).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('it stops when the client leaves, which is recorded once', async () => {
    const { request, out, end, clock, outcomes, recorded, aborted, signal } = await feed()
    const response = await head(request)
    const next = pieces(response)
    await out.writeSSE({ data: 'first' })
    expect(await next()).toBe('data: first\n\n')
    response.destroy()
    await aborted.promise
    expect(out.aborted).toBe(true)
    expect(await recorded).toMatchObject({ kind: 'client-closed', phase: 'writing', status: 499 })
    expect(signal.reason).toMatchObject({ code: 'CLIENT_CLOSED' })
    end.resolve()
    await clock.advance(100_000)
    expect(outcomes).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })
})
