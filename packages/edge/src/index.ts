export type { Guarded, GuardOptions, Handler } from '@curfew/core'
export { guard } from './guard.ts'
export { seesDisconnects } from './sees-disconnects.ts'
