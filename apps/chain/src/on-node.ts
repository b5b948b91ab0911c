import { serve } from '@curfew/node'
import { createService, tell } from './service.ts'

const { NAME = 'front', NEXT, LIMIT_MS } = process.env
const fetch = createService({ name: NAME, next: NEXT, timeoutMs: Number(LIMIT_MS ?? 500) })
const server = serve({ fetch, hostname: '127.0.0.1', port: 0 })
const { port } = await server.listening
tell(NAME, 'listening', `http://127.0.0.1:${port}/`)
