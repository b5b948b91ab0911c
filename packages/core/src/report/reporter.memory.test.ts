import { describe, expect, test } from 'vitest'
import { garbageCollector } from '../../test/garbage-collector.ts'
import { reporting } from '../../test/reporting.ts'
import { deferred, FakeClient, get, soon } from '../../test/support.ts'
import { attachClient } from '../client.ts'
import { guard } from '../index.ts'
import type { ReportKind } from '../report.ts'

const collectGarbage = await garbageCollector()

/** Whether nobody holds it any more, once all that is under way has been done. */
async function isGone(held: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < 20 && held.deref(); turn++) {
    await new Promise((resolve) => setTimeout(resolve))
    collectGarbage()
  }
  return held.deref() === undefined
}

describe.each<[ReportKind[]]>([[[]], [['timed-out']], [['late']], [['timed-out', 'abandoned', 'late']]])(
  'with reports of %j',
  (on) => {
    /** A request that timed out and had its response, of 1 MiB, while its handler is still at work. */
    async function abandoned() {
      const { options, clock, made, reports } = reporting({ on })
      const work = deferred()
      const refs: WeakRef<object>[] = []
      const timeoutResponse = (): Response => {
        const bytes = new Uint8Array(1024 * 1024)
        const response = new Response(bytes, { headers: { etag: 'late' } })
        refs.push(new WeakRef(bytes), new WeakRef(response))
        return response
      }
      const client = new FakeClient({ tellsDelivery: true })
      const request = get()
      attachClient(request, client)
      const handler = async (own: Request): Promise<Response> => {
        await work.promise
        return new Response(own.url)
      }
      const reply = guard(handler, { ...options, timeoutMs: 100, timeoutResponse })(request)
      await clock.advance(100)
      await (await soon(reply)).arrayBuffer()
      client.deliver()
      await made()
      return { refs, work, made, reports }
    }

    test('an abandoned handler keeps no response that was sent instead of its own', async () => {
      const { refs, work, made, reports } = await abandoned()
      expect(refs).toHaveLength(2)
      for (const ref of refs) expect(await isGone(ref)).toBe(true)
      work.resolve(undefined)
      await made()
      const late = reports.filter(({ kind }) => kind === 'late')
      expect(late).toHaveLength(on.includes('late') ? 1 : 0)
      for (const { response } of late)
        expect(response).toMatchObject({ status: 200, headers: { etag: 'late' } })
    })
  },
)

test('a reporter keeps neither a request nor what was thrown, while it looks out for repeats', async () => {
  const { options, clock, made, thrown } = reporting({ dedupeMs: 60_000 })
  const fail = (): WeakRef<object>[] => {
    const [request, error] = [get(), new Error('boom')]
    guard(() => {
      throw error
    }, options)(request)
    return [new WeakRef(request), new WeakRef(error)]
  }
  const refs = fail()
  await made()
  expect(thrown.splice(0)).toHaveLength(1)
  expect(clock.pending).toBe(1)
  for (const ref of refs) expect(await isGone(ref)).toBe(true)
})
