import type { Outgoing } from './connection.ts'
import type { Holder } from './held.ts'

/**
 * Lets a handler go on writing into a response that is over, and has been answered by another one: every method does
 * nothing, and gives back what Node's does once a client has gone. What it said before can still be read.
 */
export function seal(response: Outgoing, holder: Pick<Holder, 'onLate'>): void {
  const methods = response as unknown as Record<string, unknown>
  const set = (names: readonly string[], method: (this: unknown, ...args: unknown[]) => unknown): void => {
    for (const name of names) if (name in response) methods[name] = method
  }
  set(changing, function () {
    holder.onLate(false)
    return this
  })
  set(silent, () => holder.onLate(false))
  set(['write'], (...args) => {
    holder.onLate(false)
    return refuse(args)
  })
  set(['end'], function (...args) {
    holder.onLate(true)
    refuse(args)
    Object.defineProperties(this, { writableEnded: ended, finished: ended })
    return this
  })
  // It would close the connection, which may be on to another request by now.
  set(['destroy'], function () {
    return this
  })
}

const ended = { configurable: true, value: true }

const changing = ['setHeader', 'setHeaders', 'appendHeader', 'writeHead', 'writeHeader', 'setTimeout']
const silent = [
  'removeHeader',
  'flushHeaders',
  'addTrailers',
  'setTrailer',
  'writeContinue',
  'writeProcessing',
  'writeEarlyHints',
  'writeInformation',
  'createPushResponse',
  '_implicitHeader',
]

/** Tells the callback of a write that nothing was written; as Node does, later. Gives back that there is no room. */
export function refuse(args: readonly unknown[]): false {
  const callback = args.find((arg) => typeof arg === 'function')
  if (callback) process.nextTick(callback as () => void, new ResponseDestroyedError())
  return false
}

/** What Node says to who writes into a stream that is destroyed. */
class ResponseDestroyedError extends Error {
  readonly code = 'ERR_STREAM_DESTROYED'

  constructor() {
    super('Cannot call write after a stream was destroyed')
  }
}
