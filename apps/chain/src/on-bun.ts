import { createService, tell } from './service.ts'

/** What is used here of the runtime. */
interface Runtime {
  readonly Bun: {
    serve(options: { hostname: string; port: number; fetch(request: Request): unknown }): {
      readonly port: number
    }
  }
}

const { Bun } = globalThis as unknown as Runtime
const { NAME = 'middle', NEXT } = process.env
const { port } = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: createService({ name: NAME, next: NEXT }),
})
tell(NAME, 'listening', `http://127.0.0.1:${port}/`)
