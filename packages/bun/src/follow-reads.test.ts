import { attachClient } from '@curfew/core/adapter'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, test } from 'vitest'
import { readers, seen } from '../../core/test/body-readers.ts'
import { BunClient } from './bun-client.ts'
import type { BunServer } from './bun-server.ts'
import { followReads, isBeingRead } from './follow-reads.ts'
import { guard } from './guard.ts'

const server = { timeout() {} } as unknown as BunServer

function post(body: BodyInit, headers: Record<string, string> = {}): Request {
  return new Request('http://localhost/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)
}

/** A body of which only the beginning has come. */
function half(): { body: ReadableStream<Uint8Array>; end(): void } {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({
    start(own) {
      controller = own
      own.enqueue(new TextEncoder().encode('[1'))
    },
  })
  return {
    body,
    end() {
      controller.enqueue(new TextEncoder().encode(']'))
      controller.close()
    },
  }
}

const bodies: Record<string, [body: string, type?: string]> = {
  JSON: ['{"a":[1]}', 'application/json'],
  'a form': ['a=1&b=2', 'application/x-www-form-urlencoded'],
  nothing: [''],
}

describe.each(Object.entries(bodies))('%s', (_, [body, type]) => {
  test.each(Object.entries(readers))('%s does what it does unfollowed', async (_, read) => {
    const make = (): Request => post(body, type === undefined ? {} : { 'content-type': type })
    const followed = make()
    followReads(followed)
    expect(followed).toBeInstanceOf(Request)
    expect(await seen(followed, read)).toEqual(await seen(make(), read))
  })
})

test.each(['text', 'json', 'arrayBuffer', 'blob'] as const)(
  'who waits for %s() is known, and that it waits no longer',
  async (method) => {
    const { body, end } = half()
    const request = post(body)
    followReads(request)
    expect(isBeingRead(request)).toBe(false)
    const reading = request[method]()
    expect(isBeingRead(request)).toBe(true)
    end()
    await reading
    expect(isBeingRead(request)).toBe(false)
  },
)

describe('a client that owes the rest of its body', () => {
  async function statusAfter(handler: (request: Request) => Promise<unknown>, request: Request) {
    const clock = new ManualClock()
    const guarded = guard(
      async (request) => {
        await handler(request)
        return new Response('done')
      },
      { clock, timeoutMs: 100 },
    )
    const reply = guarded(request, server)
    await clock.advance(100)
    return (await reply).status
  }
  const never = (): Promise<never> => new Promise(() => {})

  test('is answered 408 while the handler waits for it', async () => {
    expect(await statusAfter((request) => request.text(), post(half().body))).toBe(408)
    expect(await statusAfter((request) => new Response(request.body).text(), post(half().body))).toBe(408)
  })

  test('is not who is slow while the handler does something else', async () => {
    expect(await statusAfter(never, post(half().body))).toBe(503)
    const readOnce = async (request: Request): Promise<never> => {
      await request.body!.getReader().read()
      return never()
    }
    expect(await statusAfter(readOnce, post(half().body))).toBe(503)
    const readWhole = async (request: Request): Promise<never> => {
      await request.text()
      return never()
    }
    expect(await statusAfter(readWhole, post('whole'))).toBe(503)
  })
})

test('a request without a body is left as it is', () => {
  const request = new Request('http://localhost/')
  attachClient(request, new BunClient(request, server, { idleTimeout: 10, websockets: false }))
  expect(Object.getPrototypeOf(request)).toBe(Object.getPrototypeOf(new Request('http://localhost/')))
})
