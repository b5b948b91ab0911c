import { env } from 'cloudflare:workers'
import { guard as coreGuard, type GuardOptions } from '@curfew/core'
import { reporter } from '@curfew/core/report'
import { guard } from '@curfew/edge'
import { webhook } from '@curfew/hooks'
import { pathOf, sleep, write } from './support.ts'

// All of it at module scope, as one would.
const reports = reporter({
  hooks: [webhook(env.WEBHOOK!, { batchSize: Number(env.BATCH ?? 1), batchMs: 100, concurrency: 3 })],
  on: ['failed', 'timed-out', 'late'],
  maxPerMinute: 10_000,
  redact: { allow: { query: ['message'] } },
  dedupeMs: Number(env.DEDUPE_MS ?? 300),
})

const options: GuardOptions = {
  timeoutMs: 200,
  reporter: reports,
  onOutcome: ({ kind }, request) => write({ event: 'ending', kind, path: pathOf(request) }),
}

async function handle(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/stats') return Response.json(reports.stats)
  if (pathname === '/slow') await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
  else await sleep(Number(searchParams.get('ms') ?? 0))
  throw new Error(searchParams.get('message') ?? 'none')
}

/** The core's own guard knows nothing of `waitUntil`: what it leaves behind is dropped with the request. */
const guarded = env.ADAPTER === 'none' ? coreGuard(handle, options) : guard(handle, options)

export default { fetch: guarded }
