import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { create, createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { type CallOptions as ConnectOptions, createClient } from '@connectrpc/connect'
import { connectNodeAdapter, createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node'
import { type Budget, scopeOf } from '@curfew/core'
import {
  type CallOptions,
  Client,
  type ClientUnaryCall,
  credentials,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { describe, expect, onTestFinished, test } from 'vitest'
import { within } from './recipes/connect.ts'
import { unary } from './recipes/grpc.ts'
import { aborted, call, fetched, Journal, start } from './support.ts'

test.each(['grpc', 'connect'])('the page %s has the code of the file, which is tested here', (name) => {
  const code = readFileSync(new URL(`recipes/${name}.ts`, import.meta.url), 'utf8')
  const prose = readFileSync(new URL(`../../../docs/recipes/${name}.md`, import.meta.url), 'utf8')
  expect(prose).toContain(`\`\`\`ts\n${code}\`\`\`\n`)
})

interface HelloRequest {
  name: string
}

interface HelloReply {
  message: string
}

const proto = loadSync(fileURLToPath(new URL('recipes/greeter.proto', import.meta.url)), { defaults: true })
const service = proto['helloworld.Greeter'] as unknown as {
  SayHello: MethodDefinition<HelloRequest, HelloReply>
}

/** A service that greets everybody at once but the one who is called `slow`: that one never. */
interface Greeter {
  hello(budget: Budget, name: string): Promise<HelloReply>
  /** Milliseconds that each call had when it came. */
  readonly begun: Journal<number>
  /** The calls that were given up. */
  readonly cancelled: Journal<string>
}

async function startGrpc(): Promise<Greeter> {
  const begun = new Journal<number>()
  const cancelled = new Journal<string>()
  const sayHello: handleUnaryCall<HelloRequest, HelloReply> = (call, answer) => {
    begun.add(Number(call.getDeadline()) - Date.now())
    if (call.request.name !== 'slow') return answer(null, { message: `Hello ${call.request.name}` })
    call.once('cancelled', () => cancelled.add(call.request.name))
  }
  // Without an interceptor grpc-js hands on a call that was cancelled before its message came, and never says so.
  const server = new Server({ interceptors: [(_method, call) => new ServerInterceptingCall(call)] })
  server.addService(service, { SayHello: sayHello })
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, own: number): void => (error ? reject(error) : resolve(own))
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound)
  })
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
  })
  onTestFinished(() => {
    client.close()
    server.forceShutdown()
  })
  const { path, requestSerialize, responseDeserialize } = service.SayHello
  return {
    begun,
    cancelled,
    hello: (budget, name) =>
      unary(
        budget,
        (
          options: CallOptions,
          done: (error: ServiceError | null, reply?: HelloReply) => void,
        ): ClientUnaryCall =>
          client.makeUnaryRequest(
            path,
            requestSerialize,
            responseDeserialize,
            { name },
            new Metadata(),
            options,
            done,
          ),
      ),
  }
}

/** What proto-loader leaves of the file that it read. */
interface WithDescriptors {
  requestType: { fileDescriptorProtos: Uint8Array[] }
}

/** The service as Connect knows it, from the same file. */
function described(): DescService {
  const { fileDescriptorProtos } = (service.SayHello as unknown as WithDescriptors).requestType
  const file: FileDescriptorProto[] = fileDescriptorProtos.map((each) =>
    fromBinary(FileDescriptorProtoSchema, each),
  )
  return createFileRegistry(create(FileDescriptorSetSchema, { file })).getService('helloworld.Greeter')!
}

interface ConnectClient {
  sayHello(request: HelloRequest, options: ConnectOptions): Promise<HelloReply>
}

async function startConnect(protocol: 'connect' | 'grpc'): Promise<Greeter> {
  const begun = new Journal<number>()
  const cancelled = new Journal<string>()
  const greeter = described()
  const sayHello = async (
    { name }: HelloRequest,
    context: { signal: AbortSignal; timeoutMs(): number | undefined },
  ): Promise<HelloReply> => {
    begun.add(context.timeoutMs() ?? Number.POSITIVE_INFINITY)
    if (name !== 'slow') return { message: `Hello ${name}` }
    const reason = await aborted(context.signal)
    cancelled.add(name)
    throw reason
  }
  const handler = connectNodeAdapter({ routes: (router) => router.service(greeter, { sayHello } as never) })
  const server =
    protocol === 'connect' ? createServer(handler as RequestListener) : createHttp2Server(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const options = { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  const transport =
    protocol === 'connect'
      ? createConnectTransport({ ...options, httpVersion: '1.1' })
      : createGrpcTransport(options)
  onTestFinished(() => {
    server.close()
  })
  const client = createClient(greeter, transport) as unknown as ConnectClient
  return {
    begun,
    cancelled,
    hello: (budget, name) => within(budget, (options) => client.sayHello({ name }, options)),
  }
}

describe.each([
  ['@grpc/grpc-js', startGrpc],
  ['Connect', () => startConnect('connect')],
  ['Connect, speaking gRPC', () => startConnect('grpc')],
])('%s', (_, startGreeter) => {
  /** A front that asks the greeter. */
  async function setup(name: string, timeoutMs: number | false) {
    const greeter = await startGreeter()
    const caught = new Journal<unknown>()
    const front = await start(
      async (request) => {
        try {
          return Response.json((await greeter.hello(scopeOf(request), name)).message)
        } catch (error) {
          caught.add(error)
          throw error
        }
      },
      { timeoutMs },
    )
    return { ...front, ...greeter, caught }
  }

  test('the service is told what is left', async () => {
    const { port, begun } = await setup('Ada', 30_000)
    expect((await fetched('http', port)).body).toBe('"Hello Ada"')
    const told = await begun.first()
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(30_000)
  })

  test('the service is told nothing where there is no deadline', async () => {
    const { port, begun } = await setup('Ada', false)
    expect((await fetched('http', port)).body).toBe('"Hello Ada"')
    expect(await begun.first()).toBe(Number.POSITIVE_INFINITY)
  })

  test('the service stops at the deadline', async () => {
    const { port, cancelled, caught } = await setup('slow', 400)
    expect((await fetched('http', port)).status).toBe(503)
    expect(await cancelled.first()).toBe('slow')
    expect(await caught.first()).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  })

  test('the service stops when the client of the front leaves', async () => {
    const { port, begun, cancelled, outcomes } = await setup('slow', 60_000)
    const { leave } = call('http', port)
    await begun.first()
    leave()
    expect(await cancelled.first()).toBe('slow')
    expect(await outcomes.first()).toMatchObject({ kind: 'client-closed' })
  })

  test('nothing is sent once the request has ended', async () => {
    const greeter = await startGreeter()
    const budget = { signal: AbortSignal.abort(new Error('over')), deadline: { remainingMs: () => 50 } }
    await expect(greeter.hello(budget as Budget, 'Ada')).rejects.toThrow('over')
    expect(greeter.begun.all).toEqual([])
  })
})
