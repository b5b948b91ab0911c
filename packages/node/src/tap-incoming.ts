import type { BodyTap } from '@curfew/core/adapter'
import type { Incoming } from './connection.ts'

/** Listens to the body of Node's own request while it is read, by whichever way: each emits what it gives out. */
export function tapIncoming(incoming: Incoming, tap: BodyTap): void {
  const { emit } = incoming
  const ownEmit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'data') tap.onChunk(bytesOf(args[0], incoming.readableEncoding))
    if (event === 'end') tap.onEnd()
    return emit.call(incoming, event, ...args)
  }
  incoming.emit = ownEmit
}

function bytesOf(chunk: unknown, encoding: BufferEncoding | null): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : (chunk as Uint8Array)
}
