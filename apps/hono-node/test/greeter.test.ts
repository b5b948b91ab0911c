import { EventEmitter, getEventListeners, once } from 'node:events'
import { connect } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import type { GreeterEvent } from '@curfew/example-routes'
import { status } from '@grpc/grpc-js'
import { afterEach, expect, test } from 'vitest'
import { connectGreeter, type GreeterClient } from '../src/greeter-client.ts'
import { type Greeter, greeterService, startGreeter } from '../src/greeter-server.ts'

const LONG_MS = 600_000

interface Calls {
  events: GreeterEvent[]
  onCall: (event: GreeterEvent) => void
  count: (state: GreeterEvent['state']) => number
  reach: (state: GreeterEvent['state'], count?: number) => Promise<void>
  statesByName: () => Map<string, string>
}

function recordCalls(): Calls {
  const events: GreeterEvent[] = []
  const news = new EventEmitter()
  const count: Calls['count'] = (state) => events.filter((event) => event.state === state).length
  return {
    events,
    count,
    onCall(event) {
      events.push(event)
      news.emit('call')
    },
    async reach(state, target = 1) {
      while (count(state) < target) await once(news, 'call')
    },
    statesByName() {
      const states = new Map<string, string>()
      for (const { name, state } of events) {
        states.set(name, states.has(name) ? `${states.get(name)}, ${state}` : state)
      }
      return states
    },
  }
}

const open: { client: GreeterClient; greeter: Greeter }[] = []

afterEach(async () => {
  for (const { client, greeter } of open.splice(0)) {
    client.close()
    await greeter.close()
  }
})

// With so long a grace, a call that outlives its caller makes close() hang, and the test fail.
async function setup(graceMs = LONG_MS) {
  const calls = recordCalls()
  const greeter = await startGreeter({ onCall: calls.onCall, graceMs })
  const client = connectGreeter(greeter.address)
  open.push({ client, greeter })
  return { calls, greeter, client }
}

test('answers, and tells when the call started and finished', async () => {
  const { calls, client } = await setup()
  expect(await client.sayHello({ name: 'Ada', delayMs: 5 })).toBe('Hello Ada')
  expect(await client.sayHello({ name: '', delayMs: 0 })).toBe('Hello ')
  expect(calls.events).toEqual([
    { state: 'started', name: 'Ada' },
    { state: 'finished', name: 'Ada' },
    { state: 'started', name: '' },
    { state: 'finished', name: '' },
  ])
})

test('answers before a deadline that is far enough', async () => {
  const { client } = await setup()
  const deadline = new Date(Date.now() + LONG_MS)
  expect(await client.sayHello({ name: 'Ada', delayMs: 1 }, { deadline })).toBe('Hello Ada')
})

test('a delay longer than a timer can hold does not answer at once', async () => {
  const { calls, client } = await setup()
  const abort = new AbortController()
  const pending = client.sayHello({ name: 'slow', delayMs: 2 ** 32 - 1 }, { signal: abort.signal })
  pending.catch(() => {})
  await calls.reach('started')
  await client.sayHello({ name: 'quick', delayMs: 20 })
  expect(calls.statesByName().get('slow')).toBe('started')
  abort.abort()
  await expect(pending).rejects.toBe(abort.signal.reason)
})

test.each([
  ['a number', (instant: number) => instant],
  ['a Date', (instant: number) => new Date(instant)],
])('a deadline given as %s cancels the work on the server', async (_, as) => {
  const { calls, client } = await setup()
  await client.sayHello({ name: 'connects', delayMs: 0 })
  const late = client.sayHello({ name: 'late', delayMs: LONG_MS }, { deadline: as(Date.now() + 400) })
  await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  await calls.reach('cancelled')
  expect(calls.statesByName().get('late')).toBe('started, cancelled')
})

test('a deadline that strikes while the request is still being sent never starts the call', async () => {
  const { calls, greeter } = await setup()
  const { path, requestSerialize } = greeterService.SayHello
  const message = requestSerialize({ name: 'late', delayMs: LONG_MS })
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)

  const session = connect(`http://${greeter.address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '1m',
  })
  stream.resume().write(Buffer.concat([prefix, message]))
  const [headers] = await once(stream, 'response')
  expect(headers['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED))
  stream.end()
  await once(stream, 'close')
  session.close()
  await greeter.close()
  expect(calls.events).toEqual([])
})

test('an abort rejects with its own reason and cancels the work on the server', async () => {
  const { calls, client } = await setup()
  const abort = new AbortController()
  const pending = client.sayHello({ name: 'Ada', delayMs: LONG_MS }, { signal: abort.signal })
  pending.catch(() => {})
  await calls.reach('started')
  const reason = new Error('no longer wanted')
  abort.abort(reason)
  await expect(pending).rejects.toBe(reason)
  await calls.reach('cancelled')
  expect(calls.events).toEqual([
    { state: 'started', name: 'Ada' },
    { state: 'cancelled', name: 'Ada' },
  ])
})

test('an aborted call never finishes later', async () => {
  const { calls, client } = await setup()
  const abort = new AbortController()
  const aborted = client.sayHello({ name: 'aborted', delayMs: 500 }, { signal: abort.signal })
  aborted.catch(() => {})
  await calls.reach('started')
  abort.abort()
  // Started later with the same delay, it ends after the other one would have.
  await client.sayHello({ name: 'answered', delayMs: 500 })
  expect(calls.statesByName().get('aborted')).toBe('started, cancelled')
})

test('an abort at the start never leaves work behind', async () => {
  const { calls, client, greeter } = await setup()
  await client.sayHello({ name: 'connects', delayMs: 0 })
  const soon = [(abort: () => void) => abort(), queueMicrotask, process.nextTick, setImmediate]
  const aborted = Array.from({ length: 100 }, (_, i) => {
    const abort = new AbortController()
    const pending = client.sayHello({ name: `aborted ${i}`, delayMs: LONG_MS }, { signal: abort.signal })
    soon[i % soon.length]?.(() => abort.abort(i))
    return pending
  })
  const settled = await Promise.allSettled(aborted)
  expect(settled).toEqual(settled.map((_, i) => ({ status: 'rejected', reason: i })))
  // Sent last on the same connection: whatever was started is started by now.
  await client.sayHello({ name: 'last', delayMs: 0 })
  await calls.reach('cancelled', calls.count('started') - 2)
  client.close()
  await greeter.close()
  expect(calls.count('cancelled')).toBe(calls.count('started') - 2)
})

test('an aborted signal never starts the call', async () => {
  const { calls, client } = await setup()
  const reason = { any: 'value' }
  const signal = AbortSignal.abort(reason)
  await expect(client.sayHello({ name: 'never', delayMs: 0 }, { signal })).rejects.toBe(reason)
  await client.sayHello({ name: 'after', delayMs: 0 })
  expect([...calls.statesByName().keys()]).toEqual(['after'])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('no listener stays on the signal, however the call ends', async () => {
  const { calls, client } = await setup()
  const abort = new AbortController()
  const { signal } = abort

  const answered = client.sayHello({ name: 'answered', delayMs: 1 }, { signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  await answered
  expect(getEventListeners(signal, 'abort')).toEqual([])

  const late = client.sayHello({ name: 'late', delayMs: LONG_MS }, { signal, deadline: Date.now() - 1 })
  await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  expect(getEventListeners(signal, 'abort')).toEqual([])

  const aborted = client.sayHello({ name: 'aborted', delayMs: LONG_MS }, { signal })
  aborted.catch(() => {})
  abort.abort()
  await expect(aborted).rejects.toBe(signal.reason)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(calls.statesByName().get('answered')).toBe('started, finished')
})

test('of 50 calls at once with half aborted, each has exactly one ending', async () => {
  const { calls, client } = await setup()
  const aborts = Array.from({ length: 25 }, () => new AbortController())
  const aborted = aborts.map(({ signal }, i) =>
    client.sayHello({ name: `aborted ${i}`, delayMs: LONG_MS }, { signal }),
  )
  const answered = aborts.map((_, i) => client.sayHello({ name: `answered ${i}`, delayMs: 2 * i }))
  const settled = Promise.allSettled(aborted)
  await calls.reach('started', 50)
  for (const abort of aborts) abort.abort()
  expect(await settled).toEqual(aborts.map(({ signal }) => ({ status: 'rejected', reason: signal.reason })))
  expect(await Promise.all(answered)).toEqual(aborts.map((_, i) => `Hello answered ${i}`))
  await calls.reach('cancelled', 25)
  expect(calls.events).toHaveLength(100)
  for (const [name, states] of calls.statesByName()) {
    expect(states).toBe(name.startsWith('aborted') ? 'started, cancelled' : 'started, finished')
  }
})

test('a closed server lets running calls finish, and takes no more', async () => {
  const { calls, client, greeter } = await setup()
  const running = client.sayHello({ name: 'running', delayMs: 30 })
  await calls.reach('started')
  await Promise.all([greeter.close(), greeter.close()])
  expect(await running).toBe('Hello running')
  const refused = client.sayHello({ name: 'refused', delayMs: 0 })
  await expect(refused).rejects.toMatchObject({ code: status.UNAVAILABLE })
  expect([...calls.statesByName()]).toEqual([['running', 'started, finished']])
})

test('a closed server cancels what outlasts its grace', async () => {
  const { calls, client, greeter } = await setup(10)
  const running = client.sayHello({ name: 'endless', delayMs: LONG_MS })
  running.catch(() => {})
  await calls.reach('started')
  await greeter.close()
  await expect(running).rejects.toMatchObject({ code: expect.any(Number) })
  expect(calls.statesByName().get('endless')).toBe('started, cancelled')
})

test('a closed client still gets its running answers, and starts no more calls', async () => {
  const { calls, client, greeter } = await setup()
  const running = client.sayHello({ name: 'running', delayMs: 30 })
  await calls.reach('started')
  client.close()
  await expect(client.sayHello({ name: 'refused', delayMs: 0 })).rejects.toThrow('Channel has been shut down')
  expect(await running).toBe('Hello running')
  await greeter.close()
})

test('closing leaves no handle', async () => {
  const handles = () => process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout)/.test(name)).length
  const before = handles()
  // A leak must show through the handles of the test runner, which come and go.
  for (let round = 0; round < 10; round++) {
    const idle = await setup()
    await idle.client.sayHello({ name: 'answered', delayMs: 0 })
    const busy = await setup(1)
    busy.client.sayHello({ name: 'endless', delayMs: LONG_MS }).catch(() => {})
    await busy.calls.reach('started')
    for (const { client, greeter } of [idle, busy]) {
      client.close()
      await greeter.close()
    }
  }
  while (handles() > before) await turn()
})
