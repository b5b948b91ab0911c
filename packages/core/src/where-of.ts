import type { Where } from './report/report.ts'

/** Where the platforms that run a process tell it its region; the first that is set counts. */
export const regionVariables: readonly string[] = [
  'AWS_REGION',
  'FLY_REGION',
  'VERCEL_REGION',
  'FUNCTION_REGION',
]

/**
 * What a process knows from its host's name and from its environment, as the platforms that run it set that. A host that
 * cannot be asked, or has no name, is none.
 */
export function whereOf(
  hostname: () => string,
  environment: Readonly<Record<string, string | undefined>>,
): Where {
  const region = regionVariables.map((name) => environment[name]).find((value) => value !== undefined)
  const name = nameOf(hostname)
  return { ...(name && { hostname: name }), ...(region && { region }) }
}

function nameOf(hostname: () => string): string | undefined {
  try {
    return hostname()
  } catch {
    return undefined
  }
}
