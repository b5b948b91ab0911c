import { describe, expect, test } from 'vitest'
import { deferred, fetched, protocols, session, start, watchOutput } from '../test/support.ts'

// These need a process of their own: once node-server has replaced the globals they stay replaced.
const nativeRequest = Request
const nativeResponse = Response

describe.each(protocols)('with overrideGlobalObjects: false, over %s', (protocol) => {
  test('the globals stay, and every kind of response arrives', async () => {
    const output = watchOutput()
    const responses: Record<string, () => Response> = {
      '/text': () => new Response('text'),
      '/json': () => Response.json({ a: 1 }),
      '/null': () => new Response(null, { status: 204 }),
      '/bytes': () => new Response(Buffer.from('bytes')),
      '/stream': () => new Response(new Blob(['stream']).stream()),
    }
    const { server, port, outcomes } = await start(
      async (request: Request) => responses[new URL(request.url).pathname]!(),
      { protocol, overrideGlobalObjects: false },
    )
    expect(Request).toBe(nativeRequest)
    expect(Response).toBe(nativeResponse)
    const at = (path: string) => fetched(protocol, port, { path })
    expect(await at('/text')).toMatchObject({ status: 200, body: 'text', broken: undefined })
    expect(await at('/json')).toMatchObject({ status: 200, body: '{"a":1}', broken: undefined })
    expect(await at('/null')).toMatchObject({ status: 204, body: '', broken: undefined })
    expect(await at('/bytes')).toMatchObject({ status: 200, body: 'bytes', broken: undefined })
    expect(await at('/stream')).toMatchObject({ status: 200, body: 'stream', broken: undefined })
    await outcomes.reached(5)
    await server.close()
    expect(outcomes.all.map(({ kind }) => kind)).toEqual(Array(5).fill('completed'))
    expect(output).toEqual([])
  })

  test('a HEAD of text has no body', async () => {
    const { port, outcomes } = await start(() => new Response('text'), {
      protocol,
      overrideGlobalObjects: false,
    })
    expect(await fetched(protocol, port, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect(await outcomes.first()).toMatchObject({ kind: 'completed' })
  })

  test('the signal is shadowed on the very request', async () => {
    const seen = deferred<Request>()
    const { port } = await start(
      (request: Request) => {
        seen.resolve(request)
        return new Response()
      },
      { protocol, overrideGlobalObjects: false },
    )
    await fetched(protocol, port)
    expect(Object.hasOwn(await seen.promise, 'signal')).toBe(true)
  })
})

test('a large HTTP/2 text arrives beside small ones', async () => {
  const { port } = await start(
    (request: Request) => new Response('x'.repeat(request.url.endsWith('/large') ? 2_000_000 : 1)),
    { protocol: 'h2c', overrideGlobalObjects: false },
  )
  const client = session('h2c', port)
  const answers = await Promise.all(
    ['/large', '/', '/'].map((path) => fetched('h2c', port, { path, session: client })),
  )
  expect(answers.map(({ body }) => body.length)).toEqual([2_000_000, 1, 1])
})
