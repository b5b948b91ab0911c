import process from 'node:process'
import { createService, tell } from './service.ts'

/** What is used here of the runtime. */
interface Runtime {
  readonly Deno: {
    serve(
      options: { hostname: string; port: number; onListen(address: { port: number }): void },
      handler: (request: Request) => unknown,
    ): unknown
  }
}

const { Deno } = globalThis as unknown as Runtime
const { NAME = 'last', NEXT } = process.env
const onListen = ({ port }: { port: number }) => tell(NAME, 'listening', `http://127.0.0.1:${port}/`)
Deno.serve({ hostname: '127.0.0.1', port: 0, onListen }, createService({ name: NAME, next: NEXT }))
