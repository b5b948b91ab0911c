import { getRequestListener } from '@hono/node-server'
import { expect, test } from 'vitest'

test('an app that has made a node-server listener before it loads this package gets its streams whole', async () => {
  const native = Response
  getRequestListener(() => new Response())
  expect(Response).not.toBe(native)
  const { fetched, start, watchOutput } = await import('../test/support.ts')
  const output = watchOutput()
  const respond = () => new Response(new Blob(['streamed']).stream(), { headers: { 'x-a': 'b' } })
  const { port, outcomes } = await start((request: Request) =>
    request.url.endsWith('/later') ? Promise.resolve(respond()) : respond(),
  )
  for (const path of ['/now', '/later']) {
    expect(await fetched('http', port, { path })).toMatchObject({
      status: 200,
      body: 'streamed',
      broken: undefined,
      headers: { 'x-a': 'b' },
    })
  }
  expect((await outcomes.reached(2)).map(({ kind }) => kind)).toEqual(['completed', 'completed'])
  expect(output).toEqual([])
})
