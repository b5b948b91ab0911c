import process from 'node:process'
import { serve } from '@curfew/deno'
import { createService, tell } from './service.ts'

const { NAME = 'last', NEXT } = process.env
const fetch = createService({ name: NAME, next: NEXT })
const { server } = serve({ fetch, hostname: '127.0.0.1', port: 0 })
tell(NAME, 'listening', `http://127.0.0.1:${server.addr.port}/`)
