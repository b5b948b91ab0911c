import { once } from 'node:events'
import { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** The limit under test, which the routes measure themselves by. */
export const limitMs = Number(process.env.LIMIT_MS)
/** What a route asks for that may take longer. */
export const longerMs = limitMs * 100

const notes = {}
const numbers = {}
let roots = {}

function noteOf(path) {
  notes[path] ??= {
    started: 0,
    ended: 0,
    answeredBefore: null,
    errors: 0,
    records: [],
    signal: null,
    cancelled: false,
  }
  return notes[path]
}

/** A handler that ignores its signal: when it goes on, its client has had a reply or has left, and the limit is past. */
export async function stall(path, res, signal) {
  const note = noteOf(path)
  note.started++
  await outlast(res, limitMs * 10)
  await sleep(limitMs * 1.25)
  numbers.during = numbersIn(roots)
  note.ended++
  note.answeredBefore = res.writableEnded
  note.signal = signal ? shown(signal, res.req) : null
}

/** The same for a callback, whose throw nobody catches. */
export function stallThen(path, res, callback) {
  void stall(path, res).then(() => setImmediate(callback))
}

/** A handler that needs more than the limit, and less than {@link longerMs}. */
export function inTime(res) {
  return outlast(res, limitMs * 5)
}

let timers = 0

/** Until the exchange is over, and `ms` at most: timers of one duration share a list, and would overtake the limit's. */
function outlast(res, ms) {
  return Promise.race([new Promise((resolve) => res.once('close', resolve)), sleep(ms + timers++)])
}

/** The app's own error handler was called. */
export function errorHandled(path) {
  noteOf(path).errors++
}

/** The framework told of an ending, in its own way: as 'client-closed', 'timeout', 'error' or 'completed'. */
export function recorded(path, as) {
  noteOf(path).records.push(as)
}

/** The body that came late was given up. */
export function cancelled(path) {
  noteOf(path).cancelled = true
}

/** A body that goes on until it is cancelled. */
export function endlessBody(path) {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('late')),
    cancel: () => cancelled(path),
  })
}

export function report() {
  numbers.after = numbersIn(roots)
  return { notes, numbers }
}

/** Tells the test where the server listens, once it does, and ends with the test. */
export async function serving(server, handedOut) {
  if (!server.listening) await once(server, 'listening')
  roots = { server, ...handedOut }
  numbers.before = numbersIn(roots)
  process.on('disconnect', () => process.exit())
  process.send(server.address().port)
}

/** Every whole number in what a framework hands out, by its path: a count of running handlers would be one of them. */
function numbersIn(objects) {
  const found = {}
  const seen = new Set()
  let level = Object.entries(objects)
  for (let depth = 0; depth < 5; depth++) {
    const next = []
    for (const [path, object] of level) {
      if (seen.has(object)) continue
      seen.add(object)
      for (const name of publicNames(object)) {
        const value = read(object, name)
        if (Number.isInteger(value)) found[`${path}.${name}`] = value
        else if (value && ['object', 'function'].includes(typeof value)) next.push([`${path}.${name}`, value])
      }
    }
    level = next
  }
  return found
}

function publicNames(object) {
  const names = new Set()
  for (let at = object; at && !builtIns.has(at); at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (/^[a-z]/i.test(name)) names.add(name)
  }
  return names
}

const builtIns = new Set([Object, Function, Array, Map, Set].map(({ prototype }) => prototype))

function read(object, name) {
  try {
    return object[name]
  } catch {
    return undefined
  }
}

function shown(signal, request) {
  const { aborted, reason } = signal
  const nodes = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'signal')?.get?.call(request)
  return { aborted, isError: reason instanceof Error, code: reason?.code, isNodes: signal === nodes }
}
