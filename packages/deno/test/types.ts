// Checked by Deno itself, against its own types: what is described structurally here is what Deno has.
import { guard, type ServeInfo, serve } from '../src/index.ts'

Deno.serve(guard(async (request, info) => Response.json([request.url, info.remoteAddr.hostname])))
Deno.serve(
  { port: 0 },
  guard(
    (_request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => new Response(info.remoteAddr.hostname),
    {
      timeoutMs: 5_000,
    },
  ),
)
Deno.serve(
  { path: '/tmp/socket' },
  guard((_request, info: ServeInfo<Deno.UnixAddr>) => new Response(info.remoteAddr.path)),
)
export default { fetch: guard(() => new Response('hi')) } satisfies Deno.ServeDefaultExport

const server = serve({
  fetch: (request: Request, info: Deno.ServeHandlerInfo) =>
    new Response(`${request.url} ${info.remoteAddr.transport}`),
  port: 3000,
  onListen: ({ hostname, port }: Deno.NetAddr) => console.log(hostname, port),
  onError: () => new Response(null, { status: 500 }),
  signal: new AbortController().signal,
  timeoutMs: 5_000,
})
const address: Deno.NetAddr = server.server.addr
const overUnix: string = serve({ fetch: () => new Response('hi'), path: '/tmp/socket' }).server.addr.path
const own: Deno.HttpServer<Deno.NetAddr> = Deno.serve(() => new Response('hi'))
const like: typeof server.server = own
await server.close({ graceMs: 10_000 })
console.log(address.port, overUnix, like.addr.port)
