import type { Where } from './report/report.ts'

/** Where the platforms that run a process tell it its region; the first that is set counts. */
export const regionVariables: readonly string[] = [
  'AWS_REGION',
  'FLY_REGION',
  'VERCEL_REGION',
  'FUNCTION_REGION',
]

/** What a process knows from its host's name and from its environment, as the platforms that run it set that. */
export function whereOf(hostname: string, environment: Readonly<Record<string, string | undefined>>): Where {
  const region = regionVariables.map((name) => environment[name]).find((value) => value !== undefined)
  return region ? { hostname, region } : { hostname }
}
