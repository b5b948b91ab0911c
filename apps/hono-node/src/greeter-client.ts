import { type CallOptions, Client, credentials, Metadata } from '@grpc/grpc-js'
import { greeterService, type HelloReply, type HelloRequest } from './greeter-server.ts'

export interface SayHelloOptions {
  signal?: AbortSignal
  /** The instant by which the answer must be there, as a Date or in milliseconds since the epoch. */
  deadline?: Date | number
}

export interface GreeterClient {
  /** Rejects with the signal's own reason once it aborts, and with gRPC's `ServiceError` for all the rest. */
  sayHello(request: HelloRequest, options?: SayHelloOptions): Promise<string>
  /** Running calls still get their answer; the connection closes after the last of them. */
  close(): void
}

/**
 * One connection for all calls. Node's HTTP/2 server bounds how fast a connection may cancel: past a thousand
 * calls, refilled by 33 a second, it drops the connection, and whatever else runs on it fails with INTERNAL.
 */
export function connectGreeter(address: string): GreeterClient {
  const client = new Client(address, credentials.createInsecure(), {
    // A proxy named in the environment would otherwise get even what is meant for loopback.
    'grpc.enable_http_proxy': 0,
  })
  const { path, requestSerialize, responseDeserialize } = greeterService.SayHello

  function sayHello(request: HelloRequest, { signal, deadline }: SayHelloOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const options: CallOptions = deadline === undefined ? {} : { deadline }
      const cancel = () => {
        reject(signal?.reason)
        // In the microtasks after its start, grpc-js reports a call as cancelled but still sends it.
        setImmediate(() => call.cancel())
      }
      const end = (error: Error | null, reply?: HelloReply) => {
        signal?.removeEventListener('abort', cancel)
        if (reply) resolve(reply.message)
        else reject(error)
      }
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        end,
      )
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  return { sayHello, close: () => client.close() }
}
