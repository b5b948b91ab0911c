import type { Server } from '@curfew/conformance'
import { describe, expect, test } from 'vitest'
import { connect, ending, event, head, startBun, visit } from './support.ts'

function stop(server: Server, call: string, graceMs = 0): Promise<Response> {
  return fetch(`${server.url}/stop?call=${call}&graceMs=${graceMs}`, { headers: { connection: 'close' } })
}

const guarded = { guard: { timeoutMs: 60_000 } }

describe.concurrent('a server that is closed', () => {
  test.each(['close', 'twice'])(
    'answers 503 for those who are not done, cuts streams off, and resolves (%s)',
    async (call) => {
      const server = await startBun(guarded)
      const slow = await visit(server, '/slow?ms=60000')
      const signal = await visit(server, '/signal?ms=60000')
      const routed = await visit(server, '/routed-slow?ms=60000')
      const events = await visit(server, '/events?ms=20')
      const idle = await connect(server)
      await idle.send(head('/hello'))
      await idle.response()

      await stop(server, call)
      for (const { path, response, client } of [slow, signal, routed]) {
        const { status, body } = await response
        expect([status, JSON.parse(body.toString())]).toMatchObject([503, { code: 'SHUTDOWN' }])
        expect(await ending(server, path)).toMatchObject({ kind: 'failed', status: 503, code: 'SHUTDOWN' })
        await client.closed
      }
      expect(await event(server, 'aborted')).toMatchObject({ code: 'SHUTDOWN' })
      expect((await events.response).complete).toBe(false)
      const cut = await ending(server, events.path)
      expect(cut).toMatchObject({ kind: 'failed', phase: 'streaming', code: 'SHUTDOWN' })
      await idle.closed
      await event(server, 'stopped')
      const reports = server.records.all.filter(({ event }) => event === 'report')
      expect(reports.length).toBeGreaterThan(0)
      expect(server.records.all.at(-1)).toMatchObject({
        event: 'stopped',
        finished: 0,
        shutDown: 3,
        cutOff: 1,
        flushed: true,
      })
      await expect(connect(server)).rejects.toThrow('ECONNREFUSED')
    },
  )

  test('lets those finish who can in time', async () => {
    const server = await startBun(guarded)
    // Longer than a busy machine may take to come to stop().
    const slow = await visit(server, '/slow?ms=1500')
    const gone = await visit(server, '/slow?ms=60000')
    await stop(server, 'close', 5_000)
    expect(await slow.response).toMatchObject({ status: 200, complete: true })
    gone.client.destroy()
    expect(await ending(server, gone.path)).toMatchObject({ kind: 'client-closed' })
    expect(await event(server, 'stopped')).toMatchObject({ finished: 2, shutDown: 0, cutOff: 0 })
    expect(await ending(server, slow.path)).toMatchObject({ kind: 'completed' })
  })

  test.each(['stop-now', 'dispose'])('by %s has not been left by its clients', async (call) => {
    const server = await startBun(guarded)
    const pending = await visit(server, '/signal?ms=60000')
    const events = await visit(server, '/events?ms=20')
    await stop(server, call)
    expect(await ending(server, pending.path)).toMatchObject({ kind: 'failed', code: 'SHUTDOWN' })
    const cut = await ending(server, events.path)
    expect(cut).toMatchObject({ kind: 'failed', phase: 'streaming', code: 'SHUTDOWN' })
    expect(await event(server, 'aborted')).toMatchObject({ code: 'SHUTDOWN' })
    await event(server, 'cancelled')
  })

  test('by stop() finishes what is under way', async () => {
    const server = await startBun(guarded)
    const slow = await visit(server, '/slow?ms=300')
    await stop(server, 'stop')
    expect(await slow.response).toMatchObject({ status: 200, complete: true })
    expect(await ending(server, slow.path)).toMatchObject({ kind: 'completed' })
    await event(server, 'stopped')
  })

  test('without a guard waits for those who finish in time, too, and cuts off the others', async () => {
    const server = await startBun({})
    const slow = await visit(server, '/slow?ms=300')
    const endless = await visit(server, '/slow?ms=60000')
    await stop(server, 'close', 1_000)
    expect(await slow.response).toMatchObject({ status: 200 })
    await endless.client.closed
    expect(await event(server, 'stopped')).toMatchObject({ finished: 1, shutDown: 0, cutOff: 1 })
  })

  test.each([{}, guarded])(
    'gives notice first, to those who ask and to those who stay: %j',
    async (settings) => {
      const server = await startBun({ ...settings, options: { health: true } })
      const stays = await connect(server)
      await stays.send(head('/hello'))
      expect((await stays.response()).headers.get('connection')).toBeUndefined()
      const slow = await visit(server, '/slow?ms=1000')
      const get = (path: string, method = 'GET') =>
        fetch(`${server.url}${path}`, { method, headers: { connection: 'close' } })
      expect(await (await get('/readyz')).text()).toBe('ready\n')
      await fetch(`${server.url}/stop?call=close&noticeMs=2000&graceMs=5000`)
      while ((await get('/readyz?verbose')).status === 200);
      const ready = await get('/readyz')
      expect([ready.status, await ready.text()]).toEqual([503, 'stopping\n'])
      expect(ready.headers.get('cache-control')).toBe('no-store')
      const asked = await get('/readyz', 'HEAD')
      expect([asked.status, await asked.text()]).toEqual([503, ''])
      expect(await (await get('/livez')).text()).toBe('live\n')
      expect(await (await get('/readyz', 'POST')).text()).toBe('Not found')
      await stays.send(head('/hello'))
      for (const { status, headers } of [await stays.response(), await slow.response]) {
        expect([status, headers.get('connection')]).toEqual([200, 'close'])
      }
      expect(await event(server, 'stopped')).toMatchObject({ finished: 0, flushed: true })
      const paths = server.records.all.map(({ path }) => path)
      expect(paths.filter((path) => /readyz|livez/.test(String(path)))).toEqual(
        'guard' in settings ? ['/readyz'] : [],
      )
    },
  )
})
