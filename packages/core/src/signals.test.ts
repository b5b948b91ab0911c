import { describe, expect, test, vi } from 'vitest'
import { deferred } from '../test/support.ts'
import type { Closed } from './close-gracefully.ts'
import { InvalidOptionError } from './errors.ts'
import { ManualClock } from './manual-clock.ts'
import { closeOnSignals, type Process, parseSignals, type SignalOptions } from './signals.ts'

const closed: Closed = { finished: 0, shutDown: 0, cutOff: 0, flushed: true }

/** A process that gets signals from the test, and only notes what it is told. */
class FakeProcess implements Process {
  exitCode: unknown
  readonly exits: unknown[] = []
  readonly listeners: [string, () => void][] = []

  on(signal: string, listener: () => void): void {
    this.listeners.push([signal, listener])
  }

  off(signal: string, listener: () => void): void {
    this.listeners.splice(
      this.listeners.findIndex(([name, one]) => name === signal && one === listener),
      1,
    )
  }

  exit(code?: number): void {
    this.exits.push(code ?? this.exitCode ?? 0)
  }

  get heard(): string[] {
    return this.listeners.map(([signal]) => signal)
  }

  kill(signal: string): void {
    for (const [name, listener] of [...this.listeners]) if (name === signal) listener()
  }
}

/** A server that closes when the test says so. */
function setUp() {
  const process = new FakeProcess()
  const clock = new ManualClock()
  const add = (options: SignalOptions = {}) => {
    const { promise, resolve, reject } = deferred<Closed>()
    const close = vi.fn(() => promise)
    const remove = closeOnSignals({ options, close }, process, clock)
    return { close, closes: () => resolve(closed), fails: reject, remove }
  }
  return { process, clock, add }
}

describe('signals', () => {
  test('close the server, and the process may end by itself for a second', async () => {
    const { process, clock, add } = setUp()
    const server = add()
    expect(process.heard).toEqual(['SIGTERM', 'SIGINT'])
    process.kill('SIGTERM')
    expect(server.close.mock.calls).toEqual([[{}]])
    server.closes()
    await clock.advance(999)
    expect([process.exits, process.heard]).toEqual([[], []])
    await clock.advance(1)
    expect(process.exits).toEqual([0])
  })

  test('close it as they are told to', () => {
    const { process, add } = setUp()
    const server = add({ on: ['SIGHUP'], graceMs: 5, noticeMs: 7 })
    expect(process.heard).toEqual(['SIGHUP'])
    process.kill('SIGHUP')
    expect(server.close.mock.calls).toEqual([[{ graceMs: 5, noticeMs: 7 }]])
  })

  test.each([
    ['SIGINT', 'SIGINT', 130],
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
  ])('%s, and %s while it closes: the process ends at once with %d', async (first, second, code) => {
    const { process, clock, add } = setUp()
    add()
    process.kill(first)
    await clock.advance(100)
    process.kill(second)
    expect(process.exits).toEqual([code])
  })

  test('the same signal again at once is the same signal', async () => {
    const { process, clock, add } = setUp()
    const server = add()
    process.kill('SIGINT')
    process.kill('SIGINT')
    await clock.advance(99)
    process.kill('SIGINT')
    expect(process.exits).toEqual([])
    expect(server.close).toHaveBeenCalledOnce()
  })

  test('the process ends when all servers have closed', async () => {
    const { process, clock, add } = setUp()
    const [one, other] = [add(), add({ on: ['SIGTERM'] })]
    expect(process.heard).toEqual(['SIGTERM', 'SIGINT'])
    process.kill('SIGINT')
    expect(other.close).toHaveBeenCalledOnce()
    one.closes()
    await clock.advance(60_000)
    expect(process.exits).toEqual([])
    other.closes()
    await clock.advance(1_000)
    expect(process.exits).toEqual([0])
  })

  test('nobody listens when the last server has gone by itself', () => {
    const { process, add } = setUp()
    const [one, other] = [add(), add({ on: ['SIGTERM'] })]
    one.remove()
    expect(process.heard).toEqual(['SIGTERM'])
    other.remove()
    expect(process.heard).toEqual([])
    add()
    expect(process.heard).toEqual(['SIGTERM', 'SIGINT'])
  })

  test('the process is not ended before everything else is closed, too', async () => {
    const { process, clock, add } = setUp()
    const database = deferred<void>()
    const onClosed = vi.fn(() => database.promise)
    const server = add({ onClosed })
    process.kill('SIGTERM')
    server.remove()
    server.closes()
    await clock.advance(9_999)
    expect(onClosed.mock.calls).toEqual([[closed]])
    expect([process.exits, process.heard]).toEqual([[], ['SIGTERM', 'SIGINT']])
    database.resolve()
    await clock.advance(1_000)
    expect(process.exits).toEqual([0])
  })

  test('the exit code that somebody has set stays', async () => {
    const { process, clock, add } = setUp()
    const onClosed = () => {
      process.exitCode = 7
    }
    const server = add({ onClosed })
    process.kill('SIGTERM')
    server.closes()
    await clock.advance(1_000)
    expect(process.exits).toEqual([7])
  })

  test.each<[what: string, options: SignalOptions, fails: boolean]>([
    ['a server fails to close', {}, true],
    ['onClosed throws', { onClosed: () => Promise.reject(new Error('boom')) }, false],
    ['onClosed takes longer than 10 s', { onClosed: () => new Promise(() => {}) }, false],
  ])('%s: that goes to the console, and the process ends with 1', async (_, options, fails) => {
    const output = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { process, clock, add } = setUp()
    const server = add(options)
    process.kill('SIGTERM')
    if (fails) server.fails(new Error('boom'))
    else server.closes()
    await clock.advance(11_000)
    expect(process.exits).toEqual([1])
    expect(output).toHaveBeenCalledOnce()
    output.mockRestore()
  })
})

test.each([undefined, false] as const)('%s: no signals', (options) => {
  expect(parseSignals(options)).toBeUndefined()
})

test('true: as it is by default', () => {
  expect(parseSignals(true)).toEqual({})
})

test.each<[option: string, options: unknown]>([
  ['signals', 'SIGTERM'],
  ['signals', null],
  ['signals.on', { on: 'SIGTERM' }],
  ['signals.on', { on: [] }],
  ['signals.on', { on: ['SIGKILL'] }],
  ['signals.on', { on: ['toString'] }],
  ['signals.graceMs', { graceMs: -1 }],
  ['signals.noticeMs', { noticeMs: Number.POSITIVE_INFINITY }],
  ['signals.onClosed', { onClosed: true }],
  ['signals.force', { force: true }],
])('what is no option is refused by its name, %s', (option, options) => {
  const parse = () => parseSignals(options as SignalOptions)
  expect(parse).toThrow(InvalidOptionError)
  expect(parse).toThrow(`Invalid option ${option}:`)
})
