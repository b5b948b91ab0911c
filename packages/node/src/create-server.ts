import { createServer as createHttpServer } from 'node:http'
import { type GuardOptions, InvalidOptionError } from '@curfew/core'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { listenerOptionNames } from './create-listener.ts'
import { contained, fetchCallback, type Listener } from './fetch-callback.ts'
import { listenerCallback } from './listener-callback.ts'
import type { OpenConnections } from './open-connections.ts'
import type { AnyServeOptions } from './serve.ts'

type NodeServerOptions = Parameters<typeof createAdaptorServer>[0]

/** What makes one of Node's servers. */
export type CreateServer = NodeServerOptions['createServer']
export type NodeOptions = NodeServerOptions['serverOptions']

/**
 * One of Node's servers that calls the handler there is: a fetch handler over node-server, or a listener as it is.
 *
 * @param wrap puts something in front of what the server calls
 */
export function createServer(
  { fetch, listener, websocket, createServer, serverOptions, ...own }: Partial<AnyServeOptions>,
  guardOptions: GuardOptions,
  open: OpenConnections,
  wrap: (listener: Listener) => Listener,
): ServerType {
  const create = (createServer ?? createHttpServer) as (options: object, listener: Listener) => ServerType
  if (listener !== undefined) {
    refuse({ fetch, websocket, ...pick(own, listenerOptionNames) })
    return create({ ...serverOptions }, wrap(listenerCallback(listener, guardOptions, open)))
  }
  return createAdaptorServer({
    ...pick(own, listenerOptionNames),
    fetch: fetchCallback(fetch!, guardOptions, open),
    ...(websocket && { websocket: websocket as unknown as NodeServerOptions['websocket'] }),
    ...(serverOptions && { serverOptions }),
    createServer: (options: object, listener: Parameters<typeof contained>[0]) =>
      create(options, wrap(contained(listener))),
  } as NodeServerOptions)
}

function pick(own: Partial<AnyServeOptions>, names: readonly (keyof AnyServeOptions)[]): object {
  return Object.fromEntries(names.filter((name) => own[name] !== undefined).map((name) => [name, own[name]]))
}

/** What has no meaning for a listener, which reads the request, and writes the response, by itself. */
function refuse(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (name !== 'hostname' && value !== undefined) {
      throw new InvalidOptionError(name, 'nothing beside listener', value)
    }
  }
}
