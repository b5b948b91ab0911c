import { hostname } from 'node:os'
import { whereOf } from '@curfew/core/adapter'
import type { Where } from '@curfew/core/report'

/** What Node.js, and the platforms that run it, know of this process. */
export const where: Where = whereOf(hostname, process.env)
