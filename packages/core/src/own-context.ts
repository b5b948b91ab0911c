import { isWorkerd } from './is-workerd.ts'

/**
 * A way back into the async context of now: what it returns has work done there, a microtask later, once. Reactions of
 * a promise run in the context in which they were registered, on every runtime.
 */
export function wayBack(): (work: () => void) => void {
  let go!: (work: () => void) => void
  void new Promise<() => void>((resolve) => {
    go = resolve
  }).then((work) => work())
  return go
}

const works: (() => void)[] = []
let goOutside: (work: () => void) => void

function doThem(): void {
  goOutside = wayBack()
  for (const work of works.splice(0)) work()
}

// workerd has no timers that requests could share, and resolves no promise of another one.
if (!isWorkerd) doThem()

/** Does `work` in the async context in which this module was loaded, which is that of no request, a microtask later. */
export function outside(work: () => void): void {
  works.push(work)
  goOutside(doThem)
}
