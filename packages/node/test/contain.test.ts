import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Server, type ServerRecord, startServer } from '@curfew/conformance'
import { describe, expect, onTestFinished, test } from 'vitest'

const file = fileURLToPath(new URL('contain/server.js', import.meta.url))

/** From Node 24 on the async context is kept wherever V8 keeps it … */
const isKept = Number(process.versions.node.split('.')[0]) >= 24

/** … and before that, it is not in a `queueMicrotask()`, nor in the rejection of a promise that was made outside. */
const withoutContext = ['microtask', 'outsider']

async function started(env: Record<string, string> = {}): Promise<Server> {
  const server = await startServer({ command: process.execPath, args: [file], env })
  onTestFinished(async () => void (await server.stop()))
  return server
}

function contained(options: object, env: Record<string, string> = {}): Promise<Server> {
  return started({ CONTAIN: JSON.stringify(options), ...env })
}

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly body: string
}

async function ask(server: Server, path: string): Promise<Answer> {
  const response = await fetch(new URL(path, server.url))
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
}

function told(server: Server, event: string, path: string): Promise<ServerRecord> {
  return server.records.waitFor(
    (record) => record.event === event && record.path === path,
    `${event} ${path}`,
  )
}

async function stats(server: Server): Promise<unknown> {
  return JSON.parse((await ask(server, '/stats')).body)
}

const clean500 = {
  status: 500,
  type: 'application/problem+json',
  body: JSON.stringify({
    type: 'about:blank',
    title: 'Internal Server Error',
    status: 500,
    code: 'HANDLER_FAILED',
  }),
}

describe('what nobody catches', () => {
  test.each([
    ...['timer', 'immediate', 'tick', 'emitter', 'unlistened', 'file', 'detached', 'detachedAsync', 'value'],
    ...(isKept ? withoutContext : []),
  ])('%s: its request alone fails, while 200 others are answered', async (name) => {
    const server = await contained({})
    const before = Array.from({ length: 100 }, (_, index) => ask(server, `/before-${index}`))
    const crashed = ask(server, `/${name}`)
    const after = Array.from({ length: 100 }, (_, index) => ask(server, `/after-${index}`))
    expect(await crashed).toEqual(clean500)
    const others = await Promise.all([...before, ...after])
    expect(others.filter(({ status }) => status === 200).map(({ body }) => body)).toEqual(
      ['before', 'after'].flatMap((when) => Array.from({ length: 100 }, (_, index) => `${when}-${index}`)),
    )
    expect(await told(server, 'outcome', `/${name}`)).toMatchObject({
      kind: 'failed',
      phase: 'handling',
      status: 500,
      escaped: true,
      message: `secret of ${name}`,
    })
    expect(await told(server, 'report', `/${name}`)).toMatchObject({
      kind: 'failed',
      message: `secret of ${name}`,
      outcome: { kind: 'failed', escaped: true },
      abandoned: true,
    })
    expect(await stats(server)).toEqual({ charged: 1, cancelled: 0, unclaimed: 0 })
    const endings = server.records.all.filter(({ event }) => event === 'outcome')
    expect(endings.filter(({ escaped }) => escaped)).toHaveLength(1)
    expect(await printed(server)).toBe('')
  })

  test('200 at once are each charged to the request that has started it', async () => {
    const server = await contained({})
    const paths = Array.from({ length: 200 }, (_, index) => `/each-${index}`)
    expect(await Promise.all(paths.map((path) => ask(server, path)))).toEqual(paths.map(() => clean500))
    for (const path of paths) {
      expect(await told(server, 'outcome', path)).toMatchObject({
        escaped: true,
        message: `secret of ${path.slice(1)}`,
      })
    }
    expect(await stats(server)).toEqual({ charged: 200, cancelled: 0, unclaimed: 0 })
  })

  test.each(['pooled', 'pooledFetch'])(
    '%s: is charged to the request that uses a connection, not to the one that has made it',
    async (name) => {
      const server = await contained({})
      for (let count = 1; count <= 3; count++) {
        expect(await ask(server, `/${name}?${count}`)).toEqual(clean500)
        expect(await stats(server)).toEqual({ charged: count, cancelled: 0, unclaimed: 0 })
      }
      expect(await printed(server)).toBe('')
      const outcomes = server.records.all.filter(
        ({ event, path }) => event === 'outcome' && path === `/${name}`,
      )
      expect(outcomes).toHaveLength(3)
      for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'failed', escaped: true })
      expect(server.records.all.filter(({ event }) => event === 'late')).toEqual([])
    },
  )

  test.each(isKept ? [] : withoutContext)('%s: has no async context before Node 24', async (name) => {
    const server = await contained({ unclaimed: 'keep' }, { LIMIT_MS: '200' })
    expect((await ask(server, `/${name}`)).status).toBe(503)
    expect(await stats(server)).toEqual({ charged: 0, cancelled: 0, unclaimed: 1 })
    expect(await printed(server)).toContain(`secret of ${name}`)
  })
})

describe('what nobody catches of a handler that writes by itself', () => {
  test.each(['timer', 'emitter', 'unlistened', 'detached'])('%s: its request alone fails', async (name) => {
    const server = await contained({})
    const asked = (path: string) => fetch(new URL(path, server.listening.bareUrl as string))
    const [crashed, ...others] = await Promise.all([
      asked(`/${name}`),
      ...Array.from({ length: 50 }, (_, index) => asked(`/hello-${index}`)),
    ])
    expect(crashed.status).toBe(500)
    expect(crashed.headers.has('x-secret')).toBe(false)
    expect(await crashed.text()).toBe(clean500.body)
    for (const [index, other] of others.entries()) expect(await other.text()).toBe(`hello-${index}`)
    expect(await told(server, 'outcome', `/${name}`)).toMatchObject({
      kind: 'failed',
      escaped: true,
      message: `secret of ${name}`,
    })
    expect(await told(server, 'report', `/${name}`)).toMatchObject({ outcome: { escaped: true } })
    expect(await stats(server)).toEqual({ charged: 1, cancelled: 0, unclaimed: 0 })
  })
})

describe('a request that has ended', () => {
  test('by its deadline: a listener of its signal throws', async () => {
    const server = await contained({}, { LIMIT_MS: '100' })
    expect((await ask(server, '/listener')).status).toBe(503)
    expect(await told(server, 'late', '/listener')).toMatchObject({
      kind: 'failed',
      escaped: true,
      message: 'secret of listener',
      after: 'timed-out',
    })
    expect(await told(server, 'report', '/listener')).toMatchObject({
      kind: 'late',
      message: 'secret of listener',
      outcome: { kind: 'timed-out', status: 503 },
      late: { kind: 'failed', escaped: true },
    })
    expect(await stats(server)).toEqual({ charged: 1, cancelled: 0, unclaimed: 0 })
    expect(
      server.records.all.filter(({ event, path }) => event === 'outcome' && path === '/listener'),
    ).toMatchObject([{ kind: 'timed-out' }])
  })

  test('by its deadline: what was told to stop is no failure, also where nobody waits for it', async () => {
    const server = await contained({}, { LIMIT_MS: '100' })
    expect((await ask(server, '/floating')).status).toBe(503)
    expect(await told(server, 'late', '/floating')).toMatchObject({ kind: 'cancelled' })
    expect(await stats(server)).toEqual({ charged: 0, cancelled: 1, unclaimed: 0 })
    expect(await printed(server)).toBe('')
    expect(server.records.all.filter(({ event, escaped }) => event === 'report' || escaped)).toEqual([])
  })

  test('by its response: that stands, and the error is told late', async () => {
    const server = await contained({})
    expect(await ask(server, '/after')).toMatchObject({ status: 200, body: 'whole' })
    await told(server, 'outcome', '/after')
    await ask(server, '/go')
    expect(await told(server, 'late', '/after')).toMatchObject({ escaped: true, after: 'completed' })
    expect(await told(server, 'report', '/after')).toMatchObject({
      kind: 'late',
      message: 'secret of after',
      outcome: { kind: 'completed', status: 200 },
      late: { kind: 'failed', escaped: true },
      abandoned: false,
    })
    expect(server.records.all.filter(({ event, path }) => event === 'outcome' && path === '/after')).toEqual([
      { event: 'outcome', path: '/after', kind: 'completed', status: 200 },
    ])
  })

  test('by an error that escaped: the same error in the handler is no second one', async () => {
    const server = await contained({})
    expect(await ask(server, '/both')).toEqual(clean500)
    expect(await told(server, 'late', '/both')).toMatchObject({ kind: 'cancelled' })
    await told(server, 'report', '/both')
    expect(await stats(server)).toEqual({ charged: 1, cancelled: 0, unclaimed: 0 })
    expect(server.records.all.filter(({ event }) => event === 'report')).toHaveLength(1)
  })
})

describe('a response that has begun', () => {
  test('is reset, and its source is told', async () => {
    const server = await contained({})
    const response = await fetch(new URL('/stream', server.url))
    const text = response.text()
    await ask(server, '/go')
    await expect(text).rejects.toThrow()
    expect(await told(server, 'outcome', '/stream')).toMatchObject({
      kind: 'failed',
      phase: 'streaming',
      status: 200,
      escaped: true,
      message: 'secret of stream',
    })
    await server.records.waitFor(({ event }) => event === 'cancelled', 'the cancelled source')
    expect(await told(server, 'report', '/stream')).toMatchObject({
      kind: 'failed',
      message: 'secret of stream',
    })
    expect(await ask(server, '/hello')).toMatchObject({ status: 200 })
  })

  test('is reset if the handler writes it by itself', async () => {
    const server = await contained({})
    const response = await fetch(new URL('/ownBegun', server.url))
    const text = response.text()
    await ask(server, '/go')
    await expect(text).rejects.toThrow()
    expect(await told(server, 'outcome', '/ownBegun')).toMatchObject({ phase: 'streaming', escaped: true })
  })

  test('is a 500 if the handler was to write it by itself and has not begun', async () => {
    const server = await contained({})
    const answer = ask(server, '/own')
    await begun(server, '/own')
    await ask(server, '/go')
    expect(await answer).toEqual(clean500)
    expect(await told(server, 'outcome', '/own')).toMatchObject({
      kind: 'failed',
      phase: 'handling',
      status: 500,
      escaped: true,
    })
  })
})

describe('what no request can be charged with', () => {
  test.each([
    ['/unclaimed', 'uncaughtException'],
    ['/unclaimedRejection', 'unhandledRejection'],
  ])(
    '%s: those in flight are answered, nobody new is let in, and the process exits with 1',
    async (path, origin) => {
      const server = await contained({})
      const slow = ask(server, '/slow')
      const other = ask(server, '/timerAtGo')
      await begun(server, '/slow')
      await begun(server, '/timerAtGo')
      expect((await ask(server, path)).body).toBe('soon')
      await server.records.waitFor(({ event }) => event === 'draining', 'the drain')
      expect(await refused(server)).toBe('ECONNREFUSED')
      process.kill(pidOf(server), 'SIGUSR2')
      expect(await slow).toMatchObject({ status: 200, body: 'slow' })
      expect(await other).toEqual(clean500)
      expect(await server.exited).toEqual({ code: 1, signal: null })
      expect(server.records.all.at(-1)).toEqual({ event: 'exit', code: 1 })
      expect(server.stderr()).toContain(
        `Curfew: ${origin} of no request, the process exits: Error: secret of nobody\n    at`,
      )
    },
  )

  test('a second one does not cut the drain short', async () => {
    const server = await contained({})
    const slow = ask(server, '/slow')
    await begun(server, '/slow')
    await ask(server, '/unclaimed')
    await server.records.waitFor(({ event }) => event === 'draining', 'the drain')
    process.kill(pidOf(server), 'SIGHUP')
    await server.records.waitFor(({ event }) => event === 'again', 'the second error')
    process.kill(pidOf(server), 'SIGUSR2')
    expect(await slow).toMatchObject({ status: 200, body: 'slow' })
    expect(await server.exited).toEqual({ code: 1, signal: null })
    expect(server.stderr().match(/of no request, the process exits/g)).toHaveLength(2)
  })

  test('who does not finish within the grace is answered 503', async () => {
    const server = await contained({ graceMs: 50 })
    const hanging = ask(server, '/hang')
    await begun(server, '/hang')
    await ask(server, '/unclaimed')
    expect((await hanging).status).toBe(503)
    expect(await server.exited).toEqual({ code: 1, signal: null })
  })

  test('the process lives if it is to be kept', async () => {
    const server = await contained({ unclaimed: 'keep' })
    for (const path of ['/unclaimed', '/unclaimedRejection']) await ask(server, path)
    await ask(server, '/hello')
    expect(await stats(server)).toEqual({ charged: 0, cancelled: 0, unclaimed: 2 })
    expect(
      (await printed(server)).match(/of no request, the process lives: Error: secret of nobody/g),
    ).toHaveLength(2)
  })

  test('a hook is told instead of the console', async () => {
    const server = await contained({ unclaimed: 'keep' }, { HOOK: 'yes' })
    await ask(server, '/unclaimed')
    const hook = await server.records.waitFor(({ event }) => event === 'hook', 'the hook')
    expect(hook).toEqual({ event: 'hook', message: 'secret of nobody', origin: 'uncaughtException' })
    expect(await printed(server)).toBe('')
  })

  test('is told once, also where Node raises rejections as exceptions', async () => {
    const server = await contained({ unclaimed: 'keep' }, { NODE_OPTIONS: '--unhandled-rejections=strict' })
    await ask(server, '/unclaimedRejection')
    expect(await ask(server, '/detached')).toEqual(clean500)
    expect(await stats(server)).toEqual({ charged: 1, cancelled: 0, unclaimed: 1 })
  })
})

describe('listeners of others', () => {
  test('are called for all of it, and decide about what no request can be charged with', async () => {
    const server = await contained({}, { LISTENER: 'yes' })
    expect(await ask(server, '/timer')).toEqual(clean500)
    await ask(server, '/unclaimed')
    await ask(server, '/unclaimedRejection')
    await ask(server, '/hello')
    expect(await stats(server)).toEqual({ charged: 1, cancelled: 0, unclaimed: 2 })
    expect(await printed(server)).toBe('')
    expect(server.records.all.filter(({ event }) => event === 'listener')).toEqual([
      { event: 'listener', name: 'uncaughtException', message: 'secret of timer' },
      { event: 'listener', name: 'uncaughtException', message: 'secret of nobody' },
      { event: 'listener', name: 'unhandledRejection', message: 'secret of nobody' },
    ])
  })

  test('do not keep a process that is told to exit', async () => {
    const server = await contained({ unclaimed: 'exit' }, { LISTENER: 'yes' })
    await ask(server, '/unclaimed')
    expect(await server.exited).toEqual({ code: 1, signal: null })
    expect(server.records.all.filter(({ event }) => event === 'listener')).toHaveLength(1)
  })
})

describe('without it', () => {
  test('a request ends the process, and with it all others', async () => {
    const server = await started({ CONTAINED: 'no' })
    const slow = ask(server, '/slow').catch(() => 'lost')
    await begun(server, '/slow')
    await ask(server, '/timer').catch(() => {})
    expect(await slow).toBe('lost')
    expect(await server.exited).toEqual({ code: 1, signal: null })
  })

  test('that is so again once it is released', async () => {
    const server = await contained({ unclaimed: 'keep' })
    await ask(server, '/unclaimed')
    await ask(server, '/release')
    await ask(server, '/unclaimed').catch(() => {})
    expect(await server.exited).toEqual({ code: 1, signal: null })
    expect(server.stderr()).toContain('the process lives')
    expect(server.stderr()).toContain('Node.js v')
  })
})

/** All that it has printed, which is known once it has ended. */
async function printed(server: Server): Promise<string> {
  await server.stop()
  return server.stderr()
}

/** Once its handler runs. */
function begun(server: Server, path: string): Promise<ServerRecord> {
  return told(server, 'begun', path)
}

function pidOf(server: Server): number {
  return server.listening.pid as number
}

/** What a new connection comes to. */
async function refused(server: Server): Promise<unknown> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  const [error] = await once(socket, 'error')
  return (error as NodeJS.ErrnoException).code
}
