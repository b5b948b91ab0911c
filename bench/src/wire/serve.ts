import { createInterface } from 'node:readline'
import { given } from '../child.ts'
import type { Servers } from './servers/servers.ts'

export type Family = 'node:http' | 'Hono' | 'Express' | 'Koa' | 'Fastify' | 'hapi'

export interface ServeArgs {
  readonly family: Family
  readonly server: string
}

// Only what is measured is loaded: the others do not run everywhere.
const families: Record<Family, () => Promise<{ servers: Servers }>> = {
  'node:http': () => import('./servers/http.ts'),
  Hono: () => import('./servers/fetch.ts'),
  Express: () => import('./servers/express.ts'),
  Koa: () => import('./servers/koa.ts'),
  Fastify: () => import('./servers/fastify.ts'),
  hapi: () => import('./servers/hapi.ts'),
}

const { family, server } = given<ServeArgs>()
const { servers } = await families[family]()
console.log(JSON.stringify(await servers[server]!()))

// For each line: how long this process has computed so far, in microseconds. It ends with its parent.
const lines = createInterface(process.stdin)
lines.on('line', () => {
  const { user, system } = process.cpuUsage()
  console.log(JSON.stringify(user + system))
})
lines.on('close', () => process.exit())
