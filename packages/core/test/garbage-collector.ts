/** Collects what nobody holds, at once: as `node --expose-gc` does, or as Bun does. */
export async function garbageCollector(): Promise<() => void> {
  const { Bun } = globalThis as { Bun?: { gc(now: boolean): void } }
  if (Bun) return () => Bun.gc(true)
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

const collect = await garbageCollector()

/** Whether nobody holds it any more, once all that is under way has been done. */
export async function isGone(held: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < 20 && held.deref(); turn++) {
    await new Promise((resolve) => setTimeout(resolve))
    collect()
  }
  return held.deref() === undefined
}

/** Bytes of what is still held, once all that is under way has been done. */
export async function heldBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
  }
  return process.memoryUsage().heapUsed
}
