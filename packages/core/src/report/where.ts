import type { Where } from './report.ts'

/** As much of the global objects of the runtimes as there is to read, none of which is sure to be there. */
interface Globals {
  readonly process?: {
    readonly pid?: number
    readonly platform?: string
    readonly arch?: string
    readonly version?: string
    readonly versions?: { readonly bun?: string; readonly deno?: string }
  }
  readonly navigator?: { readonly userAgent?: string }
}

/** What any runtime says of itself without being imported; adapters know more. */
export function whereAmI(globals: Globals = globalThis as Globals): Where {
  const { process, navigator } = globals
  const runtime = runtimeOf(process, navigator?.userAgent)
  return {
    ...(runtime && { runtime }),
    ...(process?.pid !== undefined && { pid: process.pid }),
    ...(process?.platform && { os: process.platform }),
    ...(process?.arch && { arch: process.arch }),
  }
}

function runtimeOf(process: Globals['process'], userAgent: string | undefined): Where['runtime'] {
  const { bun, deno } = process?.versions ?? {}
  if (bun) return { name: 'bun', version: bun }
  if (deno) return { name: 'deno', version: deno }
  // Cloudflare has a `process` too, with the version of a Node.js that it is like.
  if (userAgent === 'Cloudflare-Workers') return { name: 'workerd' }
  if (process?.version) return { name: 'node', version: process.version.replace(/^v/, '') }
  return userAgent ? { name: userAgent } : undefined
}
