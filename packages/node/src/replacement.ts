import { type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { isInjected } from './injected.ts'
import type { NodeResponse } from './node-response.ts'

/** Another response for the same exchange, with what Node has told the first one of their connection. */
export function replacementFor(response: NodeResponse, shouldKeepAlive: boolean): Replacement {
  const replacement = new (isInjected(response) ? CollectedReplacement : Replacement)(response.req)
  for (const name of handedOn) Reflect.set(replacement, name, Reflect.get(response, name))
  replacement.shouldKeepAlive = shouldKeepAlive
  return replacement
}

/** A response for what Node has another one for. */
export class Replacement extends ServerResponse {
  declare _last: boolean
  declare _header: string | null
  declare _onPendingData: (bytes: number) => void
  onHead: (() => void) | undefined

  /** Header by header, for others can read them then. */
  override writeHead(status: number, headers?: unknown): this {
    for (const [name, value] of Object.entries((headers ?? {}) as OutgoingHttpHeaders)) {
      this.setHeader(name, value!)
    }
    super.writeHead(status)
    this.onHead?.()
    return this
  }
}

/** The same where nobody reads what is sent: it is looked at. */
export class CollectedReplacement extends Replacement {
  readonly body: Buffer[] = []

  override write(...args: unknown[]): boolean {
    this.body.push(Buffer.from(args[0] as Uint8Array))
    return super.write(...(args as [unknown]))
  }
}

const handedOn = [
  'sendDate',
  '_keepAliveTimeout',
  '_maxRequestsPerSocket',
  '_defaultKeepAlive',
  'maxRequestsOnConnectionReached',
  '_expect_continue',
  '_sent100',
]
