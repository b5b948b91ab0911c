import { env } from 'cloudflare:workers'
import { guard } from '@curfew/edge'
import { connectGreeter, createFetch, createLog, settings } from '@curfew/example-routes'

const { limitMs, log: format, app } = settings(env)
const log = createLog(format)

const worker: { fetch: ReturnType<typeof createFetch> } = {
  fetch: createFetch(guard, {
    app,
    limitMs,
    greeter: connectGreeter(env.GREETER!),
    onOutcome: log.ending,
    onLateSettlement: log.late,
  }),
}

export default worker
