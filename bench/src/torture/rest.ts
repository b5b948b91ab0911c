import type { Line } from './balance.ts'
import type { State } from './kit.ts'
import type { Politeness } from './polite-client.ts'
import type { Rest } from './target-process.ts'

/** What a heap may have grown by all the same: compiled code, and what the runtime keeps for the next connection. */
const HEAP_MARGIN_BYTES = 3 * 2 ** 20
const FILES_MARGIN = 2
/** Processor time that a process may use in a second of doing nothing. */
const IDLE_CPU_MS = 100

/** What Deno says once of its own signals: packages/deno/README.md. */
const advice = /^Deno\.serve: request\.signal aborts on successful responses .*\n/m

/** What is left once all clients are gone and everybody was told to settle: nothing. */
export function leftovers(state: State, polite: Politeness, stderr: string): Line[] {
  const { active, abandoned, connections, openBodies, reportsPending, reportsLost } = state
  const left = [active, abandoned, connections, openBodies.length, reportsPending + reportsLost]
  const hooks = state.hookFailures + state.hooksDropped
  const said = stderr.replace(advice, '')
  return [
    {
      what: 'somebody polite is answered all the time',
      says: `${polite.answered} of ${polite.asked}`,
      holds: polite.answered === polite.asked,
      examples: polite.complaints,
    },
    {
      what: 'nothing is left: active, abandoned, connections, bodies, reports',
      says: left.join(', '),
      holds: left.every((count) => count === 0),
      examples: openBodies.map((id) => `the body of ${id}`),
    },
    {
      what: 'no error that nobody has caught, no hook that failed',
      says: `${state.uncaughtCount}, ${hooks}`,
      holds: state.uncaughtCount + hooks === 0,
      examples: state.uncaught,
    },
    {
      what: 'nothing said on the console',
      says: said === '' ? 'nothing' : `${said.length} characters`,
      holds: said === '',
      examples: [said.slice(0, 2_000)],
    },
  ]
}

/** What the process holds, and does, before and after. */
export function resources(before: Rest, after: Rest): Line[] {
  return [
    {
      what: `the heap is where it was (${HEAP_MARGIN_BYTES / 2 ** 20} MiB more at most)`,
      says: `${mib(before.heapBytes)} MiB before, ${mib(after.heapBytes)} after`,
      holds: after.heapBytes - before.heapBytes <= HEAP_MARGIN_BYTES,
    },
    {
      what: 'open files, and what the event loop waits for, are what they were',
      says: `${before.files} and ${kindsOf(before)} before, ${after.files} and ${kindsOf(after)} after`,
      holds: after.files <= before.files + FILES_MARGIN && kindsOf(after) === kindsOf(before),
    },
    {
      what: 'the process is idle',
      says: `${Math.round(after.idleCpuMs)} ms of processor time in a second`,
      holds: after.idleCpuMs < IDLE_CPU_MS,
    },
  ]
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

/** Timers come and go: with the next request they are there again. */
function kindsOf({ resources }: Rest): string {
  const kinds = Object.entries(resources).filter(([kind]) => kind !== 'Timeout' && kind !== 'Immediate')
  return kinds.map(([kind, count]) => `${count} ${kind}`).join(', ') || 'nothing'
}
