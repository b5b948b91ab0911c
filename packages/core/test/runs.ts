import fc from 'fast-check'

const { RUNS, SEED } =
  (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env ?? {}

/** Properties that are tried at the same time: a clock that lets promises settle spends its time waiting. */
const LANES = 50

/**
 * Tries a property so often, or as often as `RUNS` says. What it is tried with is another each time, unless `SEED` says
 * which.
 */
export async function tryOften<Values>(usual: number, property: fc.IAsyncProperty<Values>): Promise<void> {
  const seed = Number(SEED ?? Math.floor(Math.random() * 2 ** 31))
  const numRuns = Math.ceil(Number(RUNS ?? usual) / LANES)
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    fc.assert(property, { numRuns, seed: seed + lane }),
  )
  // None goes on once the test is over.
  await Promise.allSettled(lanes)
  await Promise.all(lanes)
}
