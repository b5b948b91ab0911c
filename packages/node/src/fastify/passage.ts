import type { Scope } from '@curfew/core'
import { attachedClient, Deferred, isThenable } from '@curfew/core/adapter'
import type { FastifyReply } from 'fastify'
import { forgotten } from '../forgotten.ts'

/**
 * One request on its way through the hooks and the handler. Fastify tells nobody when a handler that it no longer waits
 * for has come to an end: this does.
 */
export class Passage {
  readonly scope: Scope
  /** Settles when an abandoned handler is done, as it does; never before the request has ended. */
  readonly done: Deferred = new Deferred()
  /** Whether the handler runs; one that returns no promise does until it replies. */
  private atWork = false
  /** Whether it says by a promise when it is done. */
  private isAsync = false

  constructor(scope: Scope) {
    this.scope = scope
  }

  /** Whether the request has ended without the handler, and nobody waits for it any longer. */
  get abandoned(): boolean {
    const { outcome, reason } = this.scope
    if (!outcome || !('phase' in outcome) || !['handling', 'receiving'].includes(outcome.phase)) return false
    return outcome.kind !== 'failed' || reason !== undefined
  }

  /** Whether there is nobody to answer, also where that has yet to be recorded. */
  get gone(): boolean {
    return this.abandoned || attachedClient(this.scope.request)?.closed === true
  }

  /** Runs the handler. What an abandoned one comes back with is not for Fastify any more. */
  handle(handler: () => unknown): unknown {
    this.atWork = true
    const result = handler()
    if (!isThenable(result)) return result
    this.atWork = true
    this.isAsync = true
    return Promise.resolve(result).then(
      (payload) => {
        this.atWork = false
        return this.abandoned ? this.settle(payload) : payload
      },
      (error) => {
        this.atWork = false
        if (!this.abandoned) throw error
        this.fail(error)
      },
    )
  }

  /** A reply is made, in time. */
  replied(): void {
    this.atWork = false
  }

  /** An abandoned handler, or a hook, replies after all. */
  settle(payload: unknown): void {
    discard(payload)
    if (payload instanceof Error) return this.fail(payload)
    forgotten.unregister(this)
    this.done.resolve()
  }

  /** Something of an abandoned request fails. */
  fail(error: unknown): void {
    forgotten.unregister(this)
    this.done.reject(error)
  }

  /** The response has closed. A handler that has not begun will not, and of one that has replied nothing is left. */
  closed(raw: FastifyReply['raw']): void {
    if (!this.abandoned) return
    if (!this.atWork) return this.fail(this.scope.reason)
    if (!this.isAsync) this.watchEnd(raw)
  }

  /** Without a promise a handler may go past Fastify to the end of its response, or come to none. */
  private watchEnd(raw: FastifyReply['raw']): void {
    const end = raw.end as (...args: unknown[]) => typeof raw
    const ownEnd = (...args: unknown[]): typeof raw => {
      this.settle(undefined)
      return end.apply(raw, args)
    }
    raw.end = ownEnd
    const forget = this.scope.forgetting()
    if (forget) forgotten.register(raw, forget, this)
  }
}

/** Tells whoever makes the body that nobody reads it. */
function discard(payload: unknown): void {
  if (typeof payload !== 'object' || payload === null) return
  try {
    if (payload instanceof Response) void payload.body?.cancel().catch(() => {})
    else if (payload instanceof ReadableStream) void payload.cancel().catch(() => {})
    else if ('pipe' in payload && 'destroy' in payload && typeof payload.destroy === 'function') {
      if ('on' in payload && typeof payload.on === 'function') payload.on('error', () => {})
      payload.destroy()
    }
  } catch {}
}
