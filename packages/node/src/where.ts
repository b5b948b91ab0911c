import { hostname } from 'node:os'
import type { Where } from '@curfew/core/report'

/** What Node.js, and the platforms that run it, know of this process. */
export const where: Where = {
  hostname: hostname(),
  ...regionOf(process.env),
}

function regionOf({ AWS_REGION, FLY_REGION, VERCEL_REGION, FUNCTION_REGION }: NodeJS.ProcessEnv): Where {
  const region = AWS_REGION ?? FLY_REGION ?? VERCEL_REGION ?? FUNCTION_REGION
  return region ? { region } : {}
}
