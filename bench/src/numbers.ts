/** Figures of several runs: the one in the middle, and how far they went apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), min: sorted[0]!, max: sorted.at(-1)!, runs: sorted.length }
}

/** The figures of each run over those of another in the same run. */
export function ratios(values: readonly number[], base: readonly number[]): Spread {
  return spread(values.map((value, run) => value / base[run]!))
}

/** @param sorted from small to large */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)]!
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1)
}
