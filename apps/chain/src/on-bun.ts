import { serve } from '@curfew/bun'
import { createService, tell } from './service.ts'

const { NAME = 'middle', NEXT } = process.env
const fetch = createService({ name: NAME, next: NEXT })
const { server } = serve({ fetch, hostname: '127.0.0.1', port: 0 })
tell(NAME, 'listening', server.url.href)
