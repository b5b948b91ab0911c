import { STATUS_CODES } from 'node:http'
import type { Outgoing } from './connection.ts'

/** What stands for a response that its handler has written by itself, where a guard wants to see one. */
export class WrittenResponse {
  readonly body = null
  readonly bodyUsed = false
  private readonly outgoing: Outgoing

  constructor(outgoing: Outgoing) {
    this.outgoing = outgoing
  }

  /** That of its head, once there is one: error handlers that do not ask whether it was written set another on the object. */
  get status(): number {
    const { outgoing } = this
    const head: unknown = Reflect.get(outgoing, '_header')
    if (typeof head !== 'string') return outgoing.statusCode
    // To write a head sets both. To look into it has V8 put it together, which costs more than to hold the response.
    if (outgoing.statusMessage === STATUS_CODES[outgoing.statusCode]) return outgoing.statusCode
    return Number(head.slice(9, 12))
  }

  get headers(): Headers {
    const headers = new Headers()
    for (const [name, value] of Object.entries(this.outgoing.getHeaders())) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (!name.startsWith(':')) headers.append(name, String(each))
      }
    }
    return headers
  }
}
