/** Milliseconds in each unit of the gRPC specification: hours, minutes, seconds, milli-, micro- and nanoseconds. */
const unitMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

const pattern = /^(\d{1,8})([HMSmun])$/

/** What `grpc-timeout` may say: no more digits than these. */
const LARGEST = 99_999_999

/** A `grpc-timeout` in milliseconds; `NaN` for anything that the specification does not know. */
export function parseGrpcTimeout(value: string): number {
  const [, digits, unit] = pattern.exec(value) ?? []
  return digits === undefined ? Number.NaN : Number(digits) * unitMs[unit!]!
}

/** At most `ms` milliseconds as a `grpc-timeout`: in the finest unit from milliseconds up that has room for them. */
export function formatGrpcTimeout(ms: number): string {
  for (const unit of ['m', 'S', 'M']) {
    const amount = Math.floor(ms / unitMs[unit]!)
    if (amount <= LARGEST) return `${amount}${unit}`
  }
  return `${Math.min(Math.floor(ms / unitMs.H!), LARGEST)}H`
}
