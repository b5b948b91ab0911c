export { guard } from '@curfew/core'
