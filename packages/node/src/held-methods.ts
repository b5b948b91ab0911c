import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeResponse } from './node-response.ts'

/** The methods of a response that are replaced, or called as they were. */
export interface Methods {
  write(chunk: unknown, encoding: unknown, callback: unknown): boolean
  end(...args: unknown[]): ServerResponse
  writeHead: ServerResponse['writeHead']
  flushHeaders(): void
  destroy(error: unknown): ServerResponse
  assignSocket(socket: Socket): void
  /** What all of them, and informational responses, come to in the end. */
  _writeRaw(...args: unknown[]): unknown
}

/** Who is called in their place. */
export interface HeldMethods {
  write(chunk: unknown, encoding: unknown, callback: unknown): boolean
  end(args: unknown[]): ServerResponse
  flushHeaders(): void
  destroy(error: unknown): ServerResponse
  assignSocket(socket: Socket): void
  writeRaw(args: unknown[]): unknown
  /** So many more bytes, or fewer, wait for their turn. */
  pending(bytes: number): void
}

/** Node's own. */
export const native: Methods = ServerResponse.prototype as unknown as Methods

/** The methods that a response has, with what others have put around them. */
export function methodsOf(response: NodeResponse): Methods {
  const isNative =
    response.write === native.write &&
    response.end === native.end &&
    response.writeHead === native.writeHead &&
    response.flushHeaders === native.flushHeaders &&
    response.destroy === native.destroy &&
    response.assignSocket === native.assignSocket &&
    response._writeRaw === native._writeRaw
  return isNative ? native : copyOf(response)
}

function copyOf(response: Methods): Methods {
  return Object.fromEntries(names.map((name) => [name, response[name]])) as unknown as Methods
}

const names = [
  'write',
  'end',
  'writeHead',
  'flushHeaders',
  'destroy',
  'assignSocket',
  '_writeRaw',
] as const satisfies (keyof Methods)[]

/**
 * The methods are put on the response itself, for frameworks change its prototype; one after the other and by name, for
 * otherwise V8 makes a slow dictionary of it, which costs more than all the rest.
 */
export function override(response: Methods & Pick<NodeResponse, '_onPendingData' | 'socket'>): void {
  response.write = write
  response.end = end
  response.flushHeaders = flushHeaders
  response.destroy = destroy
  if (!response.socket) response.assignSocket = assignSocket
  response._writeRaw = writeRaw
  response._onPendingData = pending
}

function write(this: NodeResponse, chunk: unknown, encoding: unknown, callback: unknown): boolean {
  return this._held.write(chunk, encoding, callback)
}

function end(this: NodeResponse, ...args: unknown[]): ServerResponse {
  return this._held.end(args)
}

function flushHeaders(this: NodeResponse): void {
  this._held.flushHeaders()
}

function destroy(this: NodeResponse, error: unknown): ServerResponse {
  return this._held.destroy(error)
}

function assignSocket(this: NodeResponse, socket: Socket): void {
  this._held.assignSocket(socket)
}

function writeRaw(this: NodeResponse, ...args: unknown[]): unknown {
  return this._held.writeRaw(args)
}

function pending(this: NodeResponse, bytes: number): void {
  this._held.pending(bytes)
}
