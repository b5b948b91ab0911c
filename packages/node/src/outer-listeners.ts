import type { EventEmitter } from 'node:events'

/** Tells who listened to a response before its handler got it from those who came with the handler. */
export class OuterListeners {
  private readonly response: EventEmitter
  private readonly outer: readonly unknown[]

  constructor(response: EventEmitter) {
    this.response = response
    this.outer = response.rawListeners('close')
  }

  /** To those who came later the response is closed now; the others hear of it when it really is. */
  closeInner(): void {
    const { response, outer } = this
    const inner = response.rawListeners('close').filter((listener) => !outer.includes(listener))
    for (const listener of inner) response.off('close', listener as () => void)
    // Before `finish`: who goes on now can still listen for that.
    queueMicrotask(() => {
      for (const listener of inner) listener.call(response)
    })
  }
}
