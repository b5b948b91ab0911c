const works = new Set<() => void>()
let exited = false

/**
 * Calls `work` when the process ends in order, and never if a signal or a crash of Node.js itself ends it. It must be
 * synchronous: nothing else runs any more. Call what is returned when there will be no more work.
 */
export function atExit(work: () => void): () => void {
  // One listener, for Node.js takes eleven for a leak.
  if (works.size === 0) process.on('exit', runAll)
  works.add(work)
  return () => {
    works.delete(work)
    if (works.size === 0) process.off('exit', runAll)
  }
}

/** Whether that time has come, so that whoever comes now has to be quick. */
export function isExiting(): boolean {
  return exited
}

function runAll(): void {
  exited = true
  for (const work of works) work()
}
