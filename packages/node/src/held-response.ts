import { AsyncResource } from 'node:async_hooks'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { complain } from '@curfew/core/adapter'
import type { Held, Holder } from './held.ts'
import { type HeldMethods, type Methods, methodsOf, native, override } from './held-methods.ts'
import { collect, isInjected } from './injected.ts'
import { isLast } from './last-response.ts'
import { close, headOf, keysOf, type NodeResponse, type Occupied, setHead } from './node-response.ts'
import { OuterListeners } from './outer-listeners.ts'
import { CollectedReplacement, type Replacement, replacementFor } from './replacement.ts'
import { refuse } from './seal.ts'

/**
 * Holds a response of HTTP/1.1 as Node holds one whose turn in a pipeline has not come: as long as the socket has
 * another message, what is written is kept. So nothing is imitated: status, headers, encodings and lengths are Node's
 * own, and so is all that libraries find on the response.
 */
export class HeldResponse implements Held, HeldMethods {
  private readonly response: NodeResponse
  private readonly holder: Holder
  /** With what those outside have put around it. */
  private readonly base: Methods
  private readonly countPending: (bytes: number) => void
  private readonly listeners: OuterListeners
  private readonly highWaterMark: unknown
  private readonly shouldKeepAlive: boolean
  private state: 'held' | 'released' | 'lost' = 'held'
  private ended = false
  private looked = false
  private replacement: Replacement | undefined
  /** Informational responses that wait for the turn of this one, and go out then. */
  private early: { data: string }[] | undefined
  /** Whether those outside are being told that the replacement has been sent. */
  private telling = false

  constructor(response: ServerResponse, holder: Holder) {
    const inner = response as NodeResponse
    this.response = inner
    this.holder = holder
    this.listeners = new OuterListeners(response)
    this.shouldKeepAlive = response.shouldKeepAlive
    this.base = methodsOf(inner)
    this.countPending = inner._onPendingData
    inner._held = this
    override(inner)
    // Who pipes into it must not wait for a client that gets nothing yet.
    const { highWaterMark } = keysOf(inner)
    this.highWaterMark = inner[highWaterMark]
    inner[highWaterMark] = Number.POSITIVE_INFINITY
    if (inner.socket) this.occupy(inner.socket)
    // Node has told the client to go on.
    else if (inner.outputData.length > 0) this.setAside(0)
  }

  release(): void {
    const { response } = this
    const { socket } = response
    this.state = 'released'
    response[keysOf(response).highWaterMark] = this.highWaterMark
    if (!socket) {
      if (this.early) response.outputData.unshift(...this.early)
      return
    }
    socket._httpMessage = response
    response._flush()
    // Who corks it after the end comes too late to keep it from being written.
    if (this.ended) while (socket.writableCorked > 0) socket.uncork()
  }

  drop(): void {
    const { response } = this
    this.state = 'lost'
    this.countPending(-response.outputSize)
    response.outputData = []
    response.outputSize = 0
  }

  headersOf(status: number, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    const { response } = this
    const { writeHead } = this.base
    if (writeHead === native.writeHead) return headers
    const own = headOf(response)
    setHead(response, { statusCode: status, statusMessage: undefined as never, headers, _header: null })
    try {
      writeHead.call(response, status)
      const said = { ...response.getHeaders() }
      if (!headers['set-cookie']) delete said['set-cookie']
      else said['set-cookie'] = headers['set-cookie']
      return said
    } catch (error) {
      complain('Curfew could not ask for the headers of middleware:', error)
      return headers
    } finally {
      setHead(response, own)
    }
  }

  replace(headers: OutgoingHttpHeaders): ServerResponse {
    this.drop()
    const { response } = this
    const { socket } = response
    const replacement = replacementFor(response, this.shouldKeepAlive && !isLast(response))
    replacement._onPendingData = this.countPending
    for (const [name, value] of Object.entries(headers)) replacement.setHeader(name, value!)
    // Listeners keep the context that this is called in.
    replacement.onHead = AsyncResource.bind(() => this.answered(replacement))
    replacement.once('finish', () => this.sent(replacement))
    replacement.once('close', () => close(response))
    this.replacement = replacement
    // Pipelines wait for ever for what has finished before they begin, and not for what has closed without that.
    Object.defineProperty(response, 'writableFinished', { configurable: true, get: () => this.telling })
    response.socket = null
    response.destroyed = true
    if (socket) this.takeTurn(replacement, socket)
    return replacement
  }

  private takeTurn(replacement: Replacement, socket: Occupied): void {
    socket._httpMessage = null
    replacement.assignSocket(socket)
  }

  /** Who hears that the response is closed can see what was answered instead. */
  private answered(replacement: Replacement): void {
    setHead(this.response, headOf(replacement))
    this.ended = true
    this.response.finished = true
    this.listeners.closeInner()
  }

  /** To Node, and to who listens, it is the response they know that has been sent. */
  private sent(replacement: Replacement): void {
    const { response } = this
    const socket = replacement.socket as Occupied | null
    if (!socket) return
    replacement.detachSocket(socket)
    socket._httpMessage = response
    response.socket = socket
    response._last = replacement._last
    this.telling = true
    response.once('close', () => {
      this.telling = false
    })
    if (replacement instanceof CollectedReplacement) collect(response, replacement.body)
    response.emit('finish')
    if (replacement instanceof CollectedReplacement) close(response)
  }

  // --- what the handler does, and Node --------------------------------------------------------------------------

  write(chunk: unknown, encoding: unknown, callback: unknown): boolean {
    const { response, holder, base } = this
    if (this.state === 'lost') {
      holder.onLate(false)
      return refuse([encoding, callback])
    }
    if (this.state === 'released' || this.ended) {
      holder.onWrite()
      return base.write.call(response, chunk, encoding, callback)
    }
    const [charset, taken] = typeof encoding === 'function' ? [undefined, encoding] : [encoding, callback]
    base.write.call(response, chunk, charset, undefined)
    this.askForMore()
    const isFull = this.measure()
    // Who waits for a chunk to be written before it goes on would wait for ever.
    if (typeof taken === 'function') process.nextTick(taken as () => void)
    if (!this.looked && response._header) {
      this.looked = true
      if (eventStream.test(response._header)) holder.onBegin('event-stream')
    }
    // It is sent in a moment; a source that has no end would not wait for that. Node tells who waits for room.
    if (isFull) response[keysOf(response).needDrain] = true
    return !isFull
  }

  end(args: unknown[]): ServerResponse {
    const { response, holder, base } = this
    if (this.state === 'lost') {
      holder.onLate(true)
      refuse(args)
      return response
    }
    base.end.apply(response, args)
    this.look()
    return response
  }

  /** Whether it has ended: others may end it, too, and later than they were told to, for a session is saved first. */
  private look(): void {
    if (this.ended || !this.response.finished) return
    this.ended = true
    if (this.state === 'lost') this.holder.onLate(true)
    else this.holder.onEnd()
  }

  flushHeaders(): void {
    this.base.flushHeaders.call(this.response)
    if (this.state === 'held') this.holder.onBegin('flushed')
  }

  /** Before the head come only informational responses, which go out at once: they decide nothing. */
  writeRaw(args: unknown[]): unknown {
    const { response, base } = this
    const { socket } = response
    if (this.state !== 'held') return base._writeRaw.apply(response, args)
    // It would go out behind the response, and be taken for what comes before the next one.
    if (response.finished) return false
    if (response._headerSent) return base._writeRaw.apply(response, args)
    if (!socket) {
      const { length } = response.outputData
      try {
        return base._writeRaw.apply(response, args)
      } finally {
        this.setAside(length)
      }
    }
    const held = socket._httpMessage
    socket._httpMessage = response
    try {
      return base._writeRaw.apply(response, args)
    } finally {
      socket._httpMessage = held
    }
  }

  destroy(error: unknown): ServerResponse {
    const { response, holder } = this
    const isBroken = error !== undefined && error !== null
    const isLeft = isInjected(response) && response.req.destroyed
    if (this.state === 'held' && !isLeft && (isBroken || holder.isGivenUp)) {
      if (isBroken) holder.onGiveUp(error)
      return response
    }
    if (isBroken && !isLeft) holder.onBreak(error)
    else if (!isInjected(response)) holder.onDestroy()
    this.base.destroy.call(response, error)
    // From Node 24 on, one whose turn has not come would leave its connection open, with half a response on it.
    if (!response.socket && this.state === 'released')
      response.once('socket', (socket) => socket.destroy(error as Error))
    return response
  }

  assignSocket(socket: Occupied): void {
    const { response, replacement, base } = this
    if (replacement) return this.takeTurn(replacement, socket)
    if (this.state === 'released') return base.assignSocket.call(response, socket)
    response._flush = () => {}
    base.assignSocket.call(response, socket)
    Reflect.deleteProperty(response, '_flush')
    if (this.early) this.sendEarly(socket, this.early)
    this.occupy(socket)
  }

  /** Node would put a head before it. */
  private setAside(from: number): void {
    const { response } = this
    const early = response.outputData.splice(from) as { data: string }[]
    const bytes = early.reduce((sum, { data }) => sum + data.length, 0)
    this.early = [...(this.early ?? []), ...early]
    response.outputSize -= bytes
    this.countPending(-bytes)
  }

  private sendEarly(socket: Occupied, early: unknown[]): void {
    const { response } = this
    const { outputData, outputSize } = response
    Object.assign(response, { outputData: early, outputSize: 0 })
    response._flushOutput(socket)
    this.early = undefined
    Object.assign(response, { outputData, outputSize })
  }

  pending(bytes: number): void {
    this.countPending(bytes)
    if (this.base.end !== native.end) queueMicrotask(() => this.look())
    if (this.state !== 'held') return
    // Middleware that was there before the guard writes by what it found, and waits for who is to read.
    if (!this.measure() && this.askForMore()) process.nextTick(() => this.response.emit('drain'))
  }

  /** What Node 26 has wait in another place goes on to where the rest is in the next tick, which may be a long time. */
  private measure(): boolean {
    const { response } = this
    const corked = response[keysOf(response).chunkedLength]
    const bytes = response.outputSize + (typeof corked === 'number' ? corked : 0)
    const isFull = bytes > this.holder.maxBytes
    if (isFull) this.holder.onBegin('overflowed')
    return isFull
  }

  /** Node 26 has some of what is written wait in another place, and its own limit for it. Whether it has reached that. */
  private askForMore(): boolean {
    const { response } = this
    const { needDrain } = keysOf(response)
    const needsDrain = response[needDrain] === true
    if (needsDrain) response[needDrain] = false
    return needsDrain
  }

  private occupy(socket: Occupied): void {
    socket._httpMessage = new Placeholder(this.response)
  }
}

/** What has the turn of a response that is held. Node asks it whether it has finished, and tells it of its socket. */
class Placeholder {
  readonly finished = false
  private readonly response: NodeResponse

  constructor(response: NodeResponse) {
    this.response = response
  }

  emit(event: string, ...args: unknown[]): boolean {
    if (event === 'close') return close(this.response)
    return this.response.emit(event, ...args)
  }
}

const eventStream = /^content-type: *text\/event-stream/im
