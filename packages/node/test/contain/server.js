// A server whose routes crash in every way that there is. It says on stdout how each of its requests ended.
import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { readFile } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { reporter } from '@curfew/core/report'
import { contain, guardListener, serve } from '@curfew/node'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'

const { CONTAIN = '{}', LIMIT_MS = '10000', LISTENER, HOOK, CONTAINED = 'yes' } = process.env

const say = (event, more) => console.log(JSON.stringify({ event, ...more }))
const never = () => new Promise(() => {})
const boom = (name) => {
  throw new Error(`secret of ${name}`)
}

/** Runs outside of every request, whoever calls it. */
const outside = AsyncResource.bind((work) => setImmediate(work))
let rejectOutside
void new Promise((_, reject) => {
  rejectOutside = reject
})

/** What waits for a request to `/go`, each in the context of its own. */
const waiting = []
const atGo = (work) => void waiting.push(AsyncResource.bind(() => setImmediate(work)))

function go() {
  for (const work of waiting.splice(0)) work()
}

/** Its connections are made in the context of one request, and used in that of another. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** Each throws something of its own. */
const ways = [
  (crash) => setTimeout(crash, 5),
  (crash) => setImmediate(crash),
  (crash) => process.nextTick(crash),
  (crash) => readFile(fileURLToPath(import.meta.url), crash),
  async (crash) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    crash()
  },
]

/** What a handler does before it waits for ever. */
const crashes = {
  timer: () => setTimeout(() => boom('timer'), 1),
  timerAtGo: () => atGo(() => setTimeout(() => boom('timerAtGo'), 1)),
  immediate: () => setImmediate(() => boom('immediate')),
  tick: () => process.nextTick(() => boom('tick')),
  microtask: () => queueMicrotask(() => boom('microtask')),
  emitter() {
    const emitter = new EventEmitter().on('tell', () => boom('emitter'))
    setImmediate(() => emitter.emit('tell'))
  },
  unlistened: () => new Readable().destroy(new Error('secret of unlistened')),
  pooled: ({ url }) => get(new URL('/before-0', url), { agent }, () => boom('pooled')),
  pooledFetch: ({ url }) => void fetch(new URL('/before-0', url)).then(() => boom('pooledFetch')),
  file: () => readFile(fileURLToPath(import.meta.url), () => boom('file')),
  detached: () => void Promise.reject(new Error('secret of detached')),
  async detachedAsync() {
    await new Promise((resolve) => setImmediate(resolve))
    boom('detachedAsync')
  },
  value: () => void Promise.reject('secret of value'),
  outsider: () => rejectOutside(new Error('secret of outsider')),
  listener: ({ signal }) => signal.addEventListener('abort', () => boom('listener')),
  hang() {},
}

const routes = {
  /** The same error twice: by the promise that is not waited for, and by the one that is. */
  async both() {
    const work = Promise.reject(new Error('secret of both'))
    void work.then(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    await work
  },
  /** Two requests of which only one is waited for. */
  floating(request) {
    const url = new URL('/hang', request.url)
    void fetch(url, { signal: request.signal })
    return fetch(url, { signal: request.signal })
  },
  after() {
    atGo(() => boom('after'))
    return new Response('whole')
  },
  stream() {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('begun'))
        atGo(() => boom('stream'))
      },
      cancel: () => say('cancelled'),
    })
    return new Response(body)
  },
  /** Nobody else answers for a handler that does so itself. */
  own() {
    atGo(() => boom('own'))
    return RESPONSE_ALREADY_SENT
  },
  ownBegun(_request, { outgoing }) {
    outgoing.writeHead(200, { 'content-length': '10' }).write('begun')
    atGo(() => boom('ownBegun'))
    return RESPONSE_ALREADY_SENT
  },
  slow: () => new Promise((resolve) => atGo(() => resolve(new Response('slow')))),
  unclaimed() {
    outside(() => boom('nobody'))
    return new Response('soon')
  },
  unclaimedRejection() {
    outside(() => void Promise.reject(new Error('secret of nobody')))
    return new Response('soon')
  },
  go() {
    go()
    return new Response('gone')
  },
  stats: () => Response.json(containment.stats),
  release() {
    containment.release()
    return new Response('released')
  },
}

const reports = reporter({
  dedupeMs: false,
  hooks: [
    ({ kind, error, request, outcome, late, abandoned }) => {
      const { pathname } = new URL(request.url)
      say('report', { kind, path: pathname, message: error?.message, outcome, late, abandoned })
    },
  ],
})

const urlOf = ({ port }) => `http://127.0.0.1:${port}`
const pathOf = ({ url }) => new URL(url).pathname

/** Node goes on with promises only in the turn after an uncaught exception. */
function tellWhenClosed() {
  if (server.server.listening) setImmediate(tellWhenClosed)
  else say('draining')
}

const containment =
  CONTAINED === 'yes'
    ? contain({
        drain: tellWhenClosed,
        ...JSON.parse(CONTAIN),
        ...(HOOK && { onUnclaimed: (error, origin) => say('hook', { message: error.message, origin }) }),
      })
    : undefined

if (LISTENER) {
  for (const name of ['uncaughtException', 'unhandledRejection']) {
    process.on(name, (error) => say('listener', { name, message: error.message }))
  }
}

const told = {
  reporter: reports,
  onOutcome: ({ kind, phase, status, escaped, error }, request) =>
    say('outcome', { path: pathOf(request), kind, phase, status, escaped, message: error?.message ?? error }),
  onLateSettlement: ({ kind, escaped, error, outcome }, request) =>
    say('late', { path: pathOf(request), kind, escaped, message: error?.message, after: outcome.kind }),
}

/** A server that nobody but Node has made, whose handlers write by themselves. */
const bare = createServer(
  guardListener((request, response) => {
    response.setHeader('x-secret', 'of the handler')
    const name = request.url.slice(1)
    if (crashes[name]) void crashes[name](request)
    else response.end(name)
  }, told),
)
await new Promise((resolve) => bare.listen(0, '127.0.0.1', resolve))

const server = serve({
  hostname: '127.0.0.1',
  port: 0,
  createServer,
  timeoutMs: Number(LIMIT_MS),
  ...told,
  async fetch(request, env) {
    const name = pathOf(request).slice(1)
    if (!/^(before|after)-|^(go|stats)$/.test(name)) say('begun', { path: pathOf(request) })
    if (routes[name]) return routes[name](request, env)
    if (name.startsWith('each-')) {
      const index = Number(name.slice(5))
      void ways[index % ways.length](() => boom(name))
      return never()
    }
    if (!crashes[name]) return new Response(name)
    void crashes[name](request)
    return never()
  },
})

// What can be asked for when nobody new is let in.
process.on('SIGUSR2', go)
process.on('SIGHUP', () => {
  setImmediate(() => boom('nobody again'))
  setTimeout(() => say('again'), 10)
})
process.once('SIGTERM', () => {
  bare.close()
  bare.closeAllConnections()
  void server.close({ graceMs: 0 })
})
const { pid } = process
say('listening', { url: urlOf(await server.listening), bareUrl: urlOf(bare.address()), pid })
process.on('exit', (code) => say('exit', { code }))
