import { guard } from '@curfew/core'
import { serve } from '@curfew/node'
import { connectGreeter, createGreeter, type Greeter, type GreeterEvent } from './greeter.ts'

/** The greeter on a free port of the loopback interface, and a client of it. */
export async function startGreeter(
  onCall: (event: GreeterEvent) => void,
): Promise<Greeter & { close(): Promise<unknown> }> {
  const hostname = '127.0.0.1'
  const server = serve({ fetch: createGreeter(guard, onCall), port: 0, hostname })
  const { port } = await server.listening
  return {
    ...connectGreeter(`http://${hostname}:${port}`),
    close: () => server.close({ graceMs: 0 }),
  }
}
