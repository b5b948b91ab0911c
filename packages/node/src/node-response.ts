import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HeldMethods, Methods } from './held-methods.ts'

/** A response as Node's own code knows it, under names that it has had since Node 12. */
export type NodeResponse = ServerResponse<IncomingMessage> & {
  _held: HeldMethods
  finished: boolean
  _header: string | null
  _headerSent: boolean
  _closed: boolean
  _last: boolean
  outputData: unknown[]
  outputSize: number
  destroyed: boolean
  socket: Occupied | null
  _flush(): void
  _flushOutput(socket: Socket): unknown
  _onPendingData(bytes: number): void
  [key: symbol]: unknown
} & Methods

export type Occupied = Socket & { _httpMessage?: unknown }

/** As Node does it. */
export function close(response: NodeResponse): boolean {
  if (response._closed) return false
  response._closed = true
  response.destroyed = true
  return response.emit('close')
}

export interface Head {
  readonly statusCode: number
  readonly statusMessage: string
  readonly headers: OutgoingHttpHeaders
  readonly _header: string | null
}

export function headOf(response: ServerResponse & Pick<NodeResponse, '_header'>): Head {
  const { statusCode, statusMessage, _header } = response
  return { statusCode, statusMessage, headers: { ...response.getHeaders() }, _header }
}

/** Whatever has become of the methods of the response. */
export function setHead(response: NodeResponse, { statusCode, statusMessage, headers, _header }: Head): void {
  const { removeHeader, setHeader } = ServerResponse.prototype
  response._header = null
  for (const name of response.getHeaderNames()) removeHeader.call(response, name)
  for (const [name, value] of Object.entries(headers)) setHeader.call(response, name, value!)
  Object.assign(response, { statusCode, statusMessage, _header })
}

/** Where Node keeps on a response what has no other name. */
interface Keys {
  readonly highWaterMark: symbol
  readonly needDrain: symbol
  readonly chunkedLength: symbol
}

let keys: Keys | undefined

export function keysOf(response: NodeResponse): Keys {
  keys ??= {
    highWaterMark: keyOf(response, 'kHighWaterMark'),
    needDrain: keyOf(response, 'kNeedDrain'),
    chunkedLength: keyOf(response, 'kChunkedLength'),
  }
  return keys
}

function keyOf(response: NodeResponse, name: string): symbol {
  const symbols = Object.getOwnPropertySymbols(response)
  return symbols.find(({ description }) => description === name) ?? Symbol(name)
}
