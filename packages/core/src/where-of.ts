import type { Where } from './report/report.ts'

/** What a process knows from its host's name and from its environment, as the platforms that run it set that. */
export function whereOf(hostname: string, environment: Readonly<Record<string, string | undefined>>): Where {
  const { AWS_REGION, FLY_REGION, VERCEL_REGION, FUNCTION_REGION } = environment
  const region = AWS_REGION ?? FLY_REGION ?? VERCEL_REGION ?? FUNCTION_REGION
  return region ? { hostname, region } : { hostname }
}
