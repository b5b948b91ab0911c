import type { Server } from '@curfew/conformance'
import { beforeAll, describe, expect, test } from 'vitest'
import { connect, ending, head, startBun, unique, visit } from './support.ts'

// Bun looks every four seconds, and takes 1 for the second time that it does: it cuts off after 4 to 8 seconds.
const idleTimeout = 1
const beyondMs = 9_000
const limit = { timeoutMs: 60_000 }

describe.concurrent('the idle timeout of Bun', () => {
  let server: Server
  let guarded: Server
  let unguarded: Server
  beforeAll(async () => {
    ;[server, guarded, unguarded] = await Promise.all([
      startBun({ guard: limit, options: { idleTimeout } }),
      startBun({ how: 'guard', guard: limit, options: { idleTimeout: 5 } }),
      startBun({ options: { idleTimeout } }),
    ])
  })

  test('cuts off a handler that no guard follows', async () => {
    await expect(fetch(`${unguarded.url}/slow?ms=${beyondMs}`)).rejects.toThrow('fetch failed')
  })

  test('leaves handlers alone that a guard follows', async () => {
    async function isLeftAlone(by: Server, route: string): Promise<void> {
      const path = unique(`/${route}?ms=${beyondMs}`)
      expect(await (await fetch(by.url + path)).text()).toBe('done')
      expect(await ending(by, path)).toMatchObject({ kind: 'completed', status: 200 })
    }
    await Promise.all([
      ...['slow', 'signal', 'routed-slow'].map((route) => isLeftAlone(server, route)),
      ...['slow', 'signal'].map((route) => isLeftAlone(guarded, route)),
    ])
  })

  test('leaves an event stream alone that is silent for longer', async () => {
    const path = unique(`/two-events?ms=${beyondMs}`)
    expect(await (await fetch(server.url + path)).text()).toBe('data: 0\n\ndata: 1\n\n')
    expect(await ending(server, path)).toMatchObject({ kind: 'completed', status: 200 })
  })

  test('does not keep a client from leaving', async () => {
    const routes = ['/slow?ms=60000', '/signal?ms=60000', '/events?ms=60000']
    const visits = await Promise.all(routes.map((route) => visit(server, route)))
    for (const { client } of visits) client.destroy()
    for (const { path } of visits) expect(await ending(server, path)).toMatchObject({ kind: 'client-closed' })
  })

  test('is back on the connection once a request has been answered', async () => {
    async function isBack(by: Server, route: string): Promise<void> {
      const client = await connect(by)
      await client.send(head(`/${route}?ms=50`))
      expect(await client.response()).toMatchObject({ status: 200, complete: true })
      await client.closed
    }
    const routes = ['slow', 'signal', 'two-events']
    await Promise.all([server, guarded].flatMap((by) => routes.map((route) => isBack(by, route))))
  })

  test('is back for a reader that takes nothing more of a body', async () => {
    const client = await connect(server)
    const paused = client.pauseAfter(1)
    await client.send(head('/bytes?ms=50'))
    await paused
    await server.records.waitFor(({ event }) => event === 'reader-gone', 'the end of the reader', 20_000)
  })
}, 40_000)
