import { type Scope, scopeOf } from '@curfew/core'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { describe, expect, test } from 'vitest'
import {
  call,
  deferred,
  fetched,
  never,
  protocols,
  session,
  soon,
  source,
  start,
  startListener,
} from '../test/support.ts'
import type { Bindings } from './index.ts'

const boom = new Error('boom')

describe.each(protocols)('an error that escapes from a request over %s', (protocol) => {
  const multiplexed = protocol === 'h2c' || protocol === 'h2'

  test('is a 500 as long as nothing was sent, and its connection stays', async () => {
    const { port, outcomes } = await start(
      (request: Request) => {
        if (new URL(request.url).pathname === '/other') return new Response('other')
        setImmediate(() => scopeOf(request).escaped(boom))
        return never()
      },
      { protocol },
    )
    const shared = multiplexed ? { session: session(protocol, port) } : {}
    expect(await fetched(protocol, port, shared)).toMatchObject({ status: 500, broken: undefined })
    expect(await fetched(protocol, port, { ...shared, path: '/other' })).toMatchObject({ body: 'other' })
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'handling', escaped: true })
  })

  test('resets a stream that has begun, and nothing else', async () => {
    const page = source()
    const running = deferred<Request>()
    const { port, outcomes, late } = await start(
      (request: Request) => {
        if (new URL(request.url).pathname === '/other') return new Response('other')
        running.resolve(request)
        return new Response(page.stream)
      },
      { protocol },
    )
    const shared = multiplexed ? { session: session(protocol, port) } : {}
    const streaming = call(protocol, port, shared)
    page.write('half')
    await streaming.begun
    const request = await running.promise
    const { signal } = request
    expect(scopeOf(request).escaped(boom)).toBe(true)
    const answer = await soon(streaming.answer)
    expect(answer).toMatchObject({ status: 200, body: 'half' })
    expect(answer.broken).toBeDefined()
    await soon(page.cancelled)
    expect(await outcomes.first()).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      status: 200,
      escaped: true,
      error: boom,
    })
    expect(signal.reason).toMatchObject({ code: 'ESCAPED' })
    expect(await fetched(protocol, port, { ...shared, path: '/other' })).toMatchObject({ body: 'other' })
    expect(late.all).toEqual([])
    expect(outcomes.all.filter((outcome) => 'escaped' in outcome)).toHaveLength(1)
  })

  test('resets what a handler writes by itself', async () => {
    const running = deferred<Request>()
    const { port, outcomes } = await start(
      (request: Request, { outgoing }: Bindings) => {
        outgoing.writeHead(200)
        ;(outgoing as { write(text: string): unknown }).write('half')
        running.resolve(request)
        return RESPONSE_ALREADY_SENT
      },
      { protocol },
    )
    const streaming = call(protocol, port)
    await streaming.begun
    scopeOf(await running.promise).escaped(boom)
    expect((await soon(streaming.answer)).broken).toBeDefined()
    expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'streaming', escaped: true })
  })

  test('changes nothing about a response that is complete', async () => {
    const running = deferred<Request>()
    const { port, outcomes, late } = await start(
      (request: Request) => {
        running.resolve(request)
        return new Response('whole')
      },
      { protocol },
    )
    expect(await fetched(protocol, port)).toMatchObject({ body: 'whole', broken: undefined })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
    scopeOf(await running.promise).escaped(boom)
    expect(await late.first()).toMatchObject({ kind: 'failed', escaped: true, error: boom })
    expect(outcomes.all).toHaveLength(1)
  })

  test('is late once the handler has answered, also where nothing of that was sent yet', async () => {
    const { port, outcomes, late } = await start(
      async (request: Request) => {
        const scope = scopeOf(request)
        // Between the decision and the first byte there are only microtasks.
        void Promise.resolve().then(async () => {
          while (!scope.outcome) await undefined
          scope.escaped(boom)
        })
        return new Response('whole')
      },
      { protocol },
    )
    expect(await fetched(protocol, port)).toMatchObject({ status: 200, body: 'whole', broken: undefined })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
    expect(await late.first()).toMatchObject({ escaped: true })
  })

  describe('whose handler writes into the response of Node', () => {
    test('is a 500 without anything that it has written', async () => {
      const { port, outcomes, stats } = await startListener(
        (_request, response, scope) => {
          response.setHeader('x-secret', '1')
          response.write('half')
          setImmediate(() => {
            scope.escaped(boom)
            response.end('late')
          })
        },
        { protocol },
      )
      const answer = await fetched(protocol, port)
      expect(answer).toMatchObject({ status: 500, broken: undefined })
      expect(answer.headers['x-secret']).toBeUndefined()
      expect(answer.body).toContain('HANDLER_FAILED')
      expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'handling', escaped: true })
      expect(stats).toMatchObject({ escaped: 1, abandoned: 0 })
    })

    test('resets what was flushed and has not ended', async () => {
      const running = deferred<Scope>()
      const { port, outcomes } = await startListener(
        (_request, response, scope) => {
          response.flushHeaders()
          response.write('half')
          running.resolve(scope)
        },
        { protocol },
      )
      const streaming = call(protocol, port)
      await streaming.begun
      ;(await running.promise).escaped(boom)
      expect((await soon(streaming.answer)).broken).toBeDefined()
      expect(await outcomes.first()).toMatchObject({ kind: 'failed', phase: 'streaming', escaped: true })
    })

    test('is late once it has ended its response', async () => {
      const { port, outcomes, late } = await startListener(
        (_request, response, scope) => {
          response.end('whole')
          setImmediate(() => scope.escaped(boom))
        },
        { protocol },
      )
      expect(await fetched(protocol, port)).toMatchObject({ status: 200, body: 'whole', broken: undefined })
      expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
      expect(await late.first()).toMatchObject({ escaped: true })
    })
  })
})
