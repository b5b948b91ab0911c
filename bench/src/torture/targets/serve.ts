import type { Server } from 'node:net'
import { guard } from '@curfew/core'
import { serve as serveApp } from '@curfew/node'
import type { Serve } from '../kit.ts'
import { answerFetch } from './answer-fetch.ts'
import { contained } from './contained.ts'
import { HOST, listening } from './listening.ts'

/** The guard is around the app. */
export const serve: Serve = (kit) => {
  contained(kit)
  const fetch = guard((request) => answerFetch(kit, request), kit.guard)
  const { server } = serveApp({ fetch, port: kit.port, hostname: HOST })
  return listening(server as Server, fetch.stats)
}
