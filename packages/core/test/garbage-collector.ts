/** Collects what nobody holds, at once: as `node --expose-gc` does, or as Bun does. */
export async function garbageCollector(): Promise<() => void> {
  const { Bun } = globalThis as { Bun?: { gc(now: boolean): void } }
  if (Bun) return () => Bun.gc(true)
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}
