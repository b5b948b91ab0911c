import { guard } from '@curfew/core'
import { serve as serveApp } from '@curfew/deno'
import type { Serve } from '../kit.ts'
import { answerFetch } from './answer-fetch.ts'

export const serve: Serve = async (kit) => {
  const fetch = guard((request) => answerFetch(kit, request), kit.guard)
  const { server } = serveApp({ fetch, port: kit.port, hostname: '127.0.0.1' })
  return { port: server.addr.port, stats: fetch.stats }
}
