import { fileURLToPath } from 'node:url'
import type { GreeterEvent } from '@curfew/example-routes'
import {
  type handleUnaryCall,
  type MethodDefinition,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface HelloRequest {
  name: string
  delayMs: number
}

export interface HelloReply {
  message: string
}

export interface GreeterOptions {
  onCall?: (event: GreeterEvent) => void
  /** How long `close()` lets running calls finish before it cancels them. */
  graceMs?: number
}

export interface Greeter {
  /** `host:port` */
  address: string
  /** Resolves once every call has ended and every connection is closed. */
  close(): Promise<void>
}

export type GreeterService = { SayHello: MethodDefinition<HelloRequest, HelloReply> }

// The same path from src/ and from dist/.
const proto = loadSync(fileURLToPath(new URL('../proto/greeter.proto', import.meta.url)), { defaults: true })

export const greeterService: GreeterService = proto['helloworld.Greeter'] as unknown as GreeterService

const MAX_TIMER_MS = 2 ** 31 - 1

// Without an interceptor, a call cancelled before its request has been read still reaches the handler, which
// then never hears of the cancellation. Any interceptor, this one does nothing, drops such a call.
const dropCancelled: ServerInterceptor = (_method, call) => new ServerInterceptingCall(call)

/** A greeter on a free port of the loopback interface: it gives up a call as soon as nobody waits for it. */
export async function startGreeter(options: GreeterOptions = {}): Promise<Greeter> {
  const { onCall, graceMs = 1_000 } = options

  const sayHello: handleUnaryCall<HelloRequest, HelloReply> = (call, answer) => {
    const { name, delayMs } = call.request
    const cancel = () => {
      clearTimeout(timer)
      onCall?.({ state: 'cancelled', name })
    }
    const finish = () => {
      // grpc-js emits 'cancelled' at the end of every call, the answered ones too.
      call.off('cancelled', cancel)
      answer(null, { message: `Hello ${name}` })
      onCall?.({ state: 'finished', name })
    }
    onCall?.({ state: 'started', name })
    // A uint32 can exceed what a timer holds, and would then fire at once.
    const timer = setTimeout(finish, Math.min(delayMs, MAX_TIMER_MS))
    call.once('cancelled', cancel)
  }

  const server = new Server({ interceptors: [dropCancelled] })
  server.addService(greeterService, { SayHello: sayHello })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error)
      else resolve(port)
    })
  })

  function close(): Promise<void> {
    return new Promise((resolve, reject) => {
      const force = setTimeout(() => server.forceShutdown(), graceMs)
      server.tryShutdown((error) => {
        clearTimeout(force)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  return { address: `127.0.0.1:${port}`, close }
}
