import { regionVariables } from '@curfew/core/adapter'
import type { Where } from '@curfew/core/report'
import { type DenoRuntime, denoRuntime } from './runtime.ts'

const REGIONS = ['DENO_REGION', ...regionVariables]

let found: Where | undefined

/** What Deno, and the platforms that run it, know of this process. It is asked for once, when there is a report. */
export function where(deno: DenoRuntime | undefined = denoRuntime()): Where {
  found ??= deno ? whereOf(deno) : {}
  return found
}

/** As far as it is allowed already: who asks for what is not makes Deno ask whoever sits at the terminal. */
export function whereOf(deno: DenoRuntime): Where {
  const hostname = isGranted(deno, { name: 'sys', kind: 'hostname' }) ? deno.hostname() : undefined
  const region = REGIONS.map((variable) =>
    isGranted(deno, { name: 'env', variable }) ? deno.env.get(variable) : undefined,
  ).find((value) => value)
  return { ...(hostname && { hostname }), ...(region && { region }) }
}

function isGranted(
  { permissions }: DenoRuntime,
  permission: Parameters<DenoRuntime['permissions']['querySync']>[0],
): boolean {
  return permissions.querySync(permission).state === 'granted'
}
