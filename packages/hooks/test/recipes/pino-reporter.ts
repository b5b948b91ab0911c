import { reporter } from '@curfew/core/report'
import { pino } from 'pino'
import { toPino } from './pino.ts'

export const reports = reporter({ hooks: [toPino(pino())] })
