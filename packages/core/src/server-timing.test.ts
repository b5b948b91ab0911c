import { describe, expect, test } from 'vitest'
import { deferred, get, never, observed, soon } from '../test/support.ts'
import { type GuardOptions, guard, streaming } from './index.ts'

async function timing(reply: Response | Promise<Response>): Promise<string | null> {
  return (await soon(reply)).headers.get('server-timing')
}

describe('serverTiming', () => {
  test('is off unless it is asked for', async () => {
    expect(await timing(guard(() => new Response())(get()))).toBeNull()
  })

  test('says how the request ended, when, and what was left', async () => {
    const { options, clock } = observed({ timeoutMs: 500, serverTiming: true })
    const work = deferred<Response>()
    const reply = guard(() => work.promise, options)(get())
    await clock.advance(120)
    work.resolve(new Response('hello', { status: 201, headers: { 'x-own': 'yes' } }))
    const response = await soon(reply)
    expect(response.headers.get('server-timing')).toBe(
      'curfew;desc="completed";dur=120, curfew-remaining;dur=380',
    )
    expect([response.status, response.headers.get('x-own'), await response.text()]).toEqual([
      201,
      'yes',
      'hello',
    ])
  })

  test('is in the replies of the guard, too', async () => {
    const { options, clock } = observed({ timeoutMs: 500, serverTiming: true })
    const late = guard(never, options)(get())
    await clock.advance(500)
    expect(await timing(late)).toBe('curfew;desc="timed-out";dur=500, curfew-remaining;dur=0')
    const failed = guard(() => Promise.reject(new Error('boom')), options)(get())
    expect(await timing(failed)).toBe('curfew;desc="failed";dur=0, curfew-remaining;dur=500')
  })

  test('says nothing of a deadline that there is not', async () => {
    const options: GuardOptions = { timeoutMs: false, serverTiming: true, ...observed().options }
    expect(await timing(guard(() => new Response(), options)(get()))).toBe('curfew;desc="completed";dur=0')
  })

  test('comes after what the handler says itself, and changes nothing that it may use again', async () => {
    const { options } = observed({ timeoutMs: 500, serverTiming: true })
    const same = new Response(null, { headers: { 'server-timing': 'db;dur=5' } })
    const guarded = guard(() => same, options)
    for (let round = 0; round < 2; round++) {
      expect(await timing(guarded(get()))).toBe(
        'db;dur=5, curfew;desc="completed";dur=0, curfew-remaining;dur=500',
      )
    }
    expect(same.headers.get('server-timing')).toBe('db;dur=5')
  })

  test('is in the head of a stream, and of a redirect', async () => {
    const { options } = observed({ timeoutMs: 500, serverTiming: true })
    const redirect = guard(() => Response.redirect('http://localhost/'), options)(get()) as Response
    expect([redirect.status, redirect.headers.has('server-timing')]).toEqual([302, true])
    const stream = guard(
      () => streaming(new Response(new Blob(['hello']).stream())),
      options,
    )(get()) as Response
    expect(stream.headers.has('server-timing')).toBe(true)
    expect(await stream.text()).toBe('hello')
  })
})
