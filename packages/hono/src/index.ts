export { type CurfewMiddleware, curfew } from './curfew.ts'
export { deadline, type Limit } from './deadline.ts'
export { scopeOf } from './scope-of.ts'
