// What Cloudflare's own types, without those of any browser, say of a worker under a guard.

import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers'
import { guard } from '@curfew/edge'

interface Env {
  readonly BUCKET: R2Bucket
  readonly ROOMS: DurableObjectNamespace<Room>
}

// The handler's own parameters are enough.
export const told: ExportedHandler<Env> = {
  fetch: guard(async (request: Request, env: Env, ctx: ExecutionContext) => {
    ctx.waitUntil(Promise.resolve())
    await env.BUCKET.put('key', request.body)
    return new Response(request.cf?.colo as string)
  }),
}

export class Room extends DurableObject<Env> {
  private readonly guarded = guard((request) => new Response(request.url), { timeoutMs: 1_000 })

  override fetch(request: Request): Response | Promise<Response> {
    return this.guarded(request)
  }
}

export class Service extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Response | Promise<Response> {
    return serve(request, this.ctx)
  }
}

const serve = guard<[ctx: ExecutionContext]>(() => new Response())

// @ts-expect-error The context is missing.
void (() => serve(new Request('http://localhost')))

// @ts-expect-error A number is no response.
guard(() => 1)

// Or they are told once.
export default {
  fetch: guard<[env: Env, ctx: ExecutionContext]>(
    async (request, env) => {
      const id = env.ROOMS.idFromName(new URL(request.url).pathname)
      return env.ROOMS.get(id).fetch(request)
    },
    { timeoutMs: 5_000 },
  ),
} satisfies ExportedHandler<Env>
