import type { Serve } from '../../kit.ts'
import { fastifyTimeoutApp } from './fastify-timeout-app.ts'

/** Fastify's `handlerTimeout`; Fastify reads the body first. */
export const serve: Serve = (kit) => fastifyTimeoutApp(kit, true)
