import { reporter } from '@curfew/core/report'
import { sentryClient, toSentry } from './sentry.ts'

export const sentry = sentryClient('https://key@sentry.example/1')
export const reports = reporter({ service: 'shop', hooks: [toSentry(sentry)] })
