import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { deferred, get, never, oddities, soon } from '../test/support.ts'
import { type Containment, type ContainOptions, containment, contextSlot } from './adapter.ts'
import { guard, HandlerTimeoutError, type InvalidOptionError, StepTimeoutError, scopeOf } from './index.ts'
import { ManualClock } from './testing.ts'

type Listener = (error: unknown, origin: unknown) => void

const boom = new Error('boom')

/** A process as a runtime has it, in which the test throws. */
class FakeProcess {
  exitCode: unknown
  readonly exits: number[] = []
  readonly exited = deferred<number>()
  private readonly listeners: [event: string, listener: Listener][] = []

  on(event: string, listener: Listener): void {
    this.listeners.push([event, listener])
  }

  off(event: string, listener: Listener): void {
    const index = this.listeners.findIndex(([name, each]) => name === event && each === listener)
    if (index >= 0) this.listeners.splice(index, 1)
  }

  listenerCount(event: string): number {
    return this.listeners.filter(([name]) => name === event).length
  }

  exit(code: number): void {
    this.exits.push(code)
    this.exited.resolve(code)
  }

  throws(error: unknown): void {
    for (const [name, listener] of this.listeners) {
      if (name === 'uncaughtException') listener(error, 'uncaughtException')
    }
  }

  rejects(error: unknown): void {
    for (const [name, listener] of this.listeners) {
      if (name === 'unhandledRejection') listener(error, Promise.resolve())
    }
  }
}

type Server = { close(options: { graceMs: number }): Promise<unknown> }

function installed(options: ContainOptions = {}, servers: Server[] = []) {
  const output = vi.spyOn(console, 'error').mockImplementation(() => {})
  const process = new FakeProcess()
  const clock = new ManualClock()
  const contain = containment({ process, servers, makeStorage: () => new AsyncLocalStorage(), clock })
  const contained: Containment = contain(options)
  onTestFinished(() => contained.release())
  return {
    clock,
    process,
    contain,
    contained,
    printed: () => output.mock.calls.map(([what, error]) => [what, error]),
  }
}

/** A request whose handler has done that, in its own context. */
function inRequest(work: () => void) {
  const request = get()
  const guarded = guard(() => {
    work()
    return never()
  })
  const reply = Promise.resolve(guarded(request))
  return { scope: scopeOf(request), reply }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe.each(['throws', 'rejects'] as const)('what nobody catches, when it %s', (how) => {
  test('is charged to the request in whose context it is', async () => {
    const { process, contained, printed } = installed()
    const [first, second] = [inRequest(() => {}), inRequest(() => process[how](boom))]
    expect((await soon(second.reply)).status).toBe(500)
    expect(second.scope.outcome).toMatchObject({ kind: 'failed', escaped: true, error: boom })
    expect(first.scope.outcome).toBeUndefined()
    expect(contained.stats).toEqual({ charged: 1, cancelled: 0, unclaimed: 0 })
    expect([printed(), process.exits]).toEqual([[], []])
  })

  test.each([
    ['the reason of another request', new HandlerTimeoutError(5)],
    ['the reason of a step', new StepTimeoutError(5)],
    ['what has one as its cause', new TypeError('fetch failed', { cause: new HandlerTimeoutError(5) })],
  ])('is nothing if it was told to stop: %s', async (_, error) => {
    const { process, contained, printed } = installed()
    const { scope } = inRequest(() => process[how](error))
    process[how](error)
    expect(scope.outcome).toBeUndefined()
    expect(contained.stats).toEqual({ charged: 0, cancelled: 2, unclaimed: 0 })
    expect([printed(), process.exits]).toEqual([[], []])
  })

  test.each(oddities)('may be %s', async (_, make) => {
    const { process, contained } = installed({ unclaimed: 'keep' })
    const { reply } = inRequest(() => process[how](make()))
    process[how](make())
    expect((await soon(reply)).status).toBe(500)
    expect(contained.stats).toEqual({ charged: 1, cancelled: 0, unclaimed: 1 })
  })
})

describe('what no request can be charged with', () => {
  test('ends the process with 1, once its servers have closed and all else that is to', async () => {
    const [closed, drained] = [deferred<undefined>(), deferred<undefined>()]
    const graces: number[] = []
    const close = ({ graceMs }: { graceMs: number }) => {
      graces.push(graceMs)
      return closed.promise
    }
    const options = { graceMs: 1_234, drain: () => drained.promise }
    const { process, printed } = installed(options, [{ close }, { close }])
    process.throws(boom)
    expect(printed()).toEqual([['Curfew: uncaughtException of no request, the process exits:', boom]])
    expect([graces, process.exitCode]).toEqual([[1_234, 1_234], 1])
    closed.resolve(undefined)
    await soon(closed.promise)
    expect(process.exits).toEqual([])
    drained.resolve(undefined)
    expect(await process.exited.promise).toBe(1)
  })

  test('does so once, and each is told', async () => {
    let closings = 0
    const closed = deferred<undefined>()
    const close = () => {
      closings++
      return closed.promise
    }
    const { process, contained, printed } = installed({}, [{ close }])
    process.throws(boom)
    process.rejects(boom)
    const { reply } = inRequest(() => process.throws(boom))
    expect((await soon(reply)).status).toBe(500)
    expect([closings, printed().length, process.exits]).toEqual([1, 2, []])
    closed.resolve(undefined)
    await process.exited.promise
    expect(process.exits).toEqual([1])
    expect(contained.stats).toEqual({ charged: 1, cancelled: 0, unclaimed: 2 })
  })

  test.each([
    ['throws', () => Promise.reject(boom)],
    [
      'rejects',
      () => {
        throw boom
      },
    ],
  ])('does so also where closing %s', async (_, close) => {
    const { process } = installed({ drain: close }, [{ close }])
    process.throws(boom)
    expect(await process.exited.promise).toBe(1)
  })

  test('does so in the end also where closing never ends', async () => {
    const { clock, process } = installed({ graceMs: 5_000 }, [{ close: never }])
    process.throws(boom)
    await clock.advance(11_999)
    expect(process.exits).toEqual([])
    await clock.advance(1)
    expect(process.exits).toEqual([1])
  })

  test('does nothing but be told if the process is to be kept', () => {
    const { process, printed } = installed({ unclaimed: 'keep' }, [{ close: never }])
    process.rejects(boom)
    expect(printed()).toEqual([['Curfew: unhandledRejection of no request, the process lives:', boom]])
    expect([process.exits, process.exitCode]).toEqual([[], undefined])
  })

  test.each([
    [
      'throws',
      () => {
        throw boom
      },
    ],
    ['rejects', () => Promise.reject(boom)],
  ])('is told the hook instead, and a hook that %s does no harm', async (_, fail) => {
    const told: unknown[] = []
    const onUnclaimed = (...args: unknown[]) => {
      told.push(args)
      return fail()
    }
    const { clock, process, contained, printed } = installed({ unclaimed: 'keep', onUnclaimed })
    process.throws(boom)
    expect(told).toEqual([[boom, 'uncaughtException']])
    await clock.advance(0)
    expect(printed()).toEqual([['Curfew contain() failed:', boom]])
    expect(contained.stats.unclaimed).toBe(1)
  })
})

describe('where others listen, too', () => {
  test('what is unclaimed is theirs, event by event', () => {
    const { process, contained, printed } = installed({}, [{ close: never }])
    process.on('unhandledRejection', () => {})
    process.rejects(boom)
    expect([printed(), process.exitCode]).toEqual([[], undefined])
    process.throws(boom)
    expect([printed().length, process.exitCode]).toEqual([1, 1])
    expect(contained.stats.unclaimed).toBe(2)
  })

  test.each([
    ['exit', 1],
    ['keep', undefined],
  ] as const)('it is not, if that is said: %s', (unclaimed, exitCode) => {
    const { process, printed } = installed({ unclaimed }, [{ close: never }])
    process.on('uncaughtException', () => {})
    process.throws(boom)
    expect([printed().length, process.exitCode]).toEqual([1, exitCode])
  })
})

describe('the installation', () => {
  test('is one, and goes by all that it is told', () => {
    const { process, contain, contained, printed } = installed({ unclaimed: 'keep' })
    const told: unknown[] = []
    expect(contain({ onUnclaimed: (error) => told.push(error) })).toBe(contained)
    expect(contain()).toBe(contained)
    process.throws(boom)
    expect([told, printed(), process.exitCode]).toEqual([[boom], [], undefined])
    expect(process.listenerCount('uncaughtException')).toBe(1)
    expect(process.listenerCount('unhandledRejection')).toBe(1)
  })

  test('leaves nothing behind once it is released, and can be made again', () => {
    const before = contextSlot.enter
    const { process, contain, contained } = installed()
    expect(contextSlot.enter).toBeDefined()
    contained.release()
    contained.release()
    expect(contextSlot.enter).toBe(before)
    expect(process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection')).toBe(0)
    const again = contain()
    onTestFinished(() => again.release())
    expect(again).not.toBe(contained)
    expect(process.listenerCount('uncaughtException')).toBe(1)
    expect(contextSlot.enter).toBeDefined()
  })

  test.each([
    ['unclaimed', { unclaimed: 'die' }],
    ['graceMs', { graceMs: -1 }],
    ['graceMs', { graceMs: Number.POSITIVE_INFINITY }],
    ['drain', { drain: 5 }],
    ['onUnclaimed', { onUnclaimed: {} }],
    ['options', null],
    ['grace', { grace: 1 }],
  ])('refuses an option that is none: %s', (option, options) => {
    const process = new FakeProcess()
    const contain = containment({ process, servers: [], makeStorage: () => new AsyncLocalStorage() })
    let refusal: InvalidOptionError | undefined
    try {
      contain(options as never)
    } catch (error) {
      refusal = error as InvalidOptionError
    }
    expect(refusal).toMatchObject({ code: 'INVALID_OPTION', option })
    expect(process.listenerCount('uncaughtException')).toBe(0)
  })
})
