import type { Serve } from '../../kit.ts'
import { fastifyTimeoutApp } from './fastify-timeout-app.ts'

/** Fastify's `handlerTimeout`; the handler reads the body. */
export const serve: Serve = (kit) => fastifyTimeoutApp(kit, false)
