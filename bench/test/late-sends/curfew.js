import { curfew } from '@curfew/node/express'
import { serveLate } from './serve-late.js'

const guard = curfew({ timeoutMs: Number(process.env.LIMIT_MS) })
serveLate([guard], () => guard.stats)
