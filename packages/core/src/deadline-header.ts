import { formatGrpcTimeout, parseGrpcTimeout } from './grpc-timeout.ts'

/**
 * Headers that say how many milliseconds a caller waits for its answer, each as its specification has it:
 *
 * | header | of | what it may be |
 * | --- | --- | --- |
 * | `connect-timeout-ms` | the Connect protocol | milliseconds, 1 to 10 digits |
 * | `grpc-timeout` | gRPC over HTTP/2 | 1 to 8 digits and a unit: `H`, `M`, `S`, `m`, `u` or `n` |
 * | `x-envoy-expected-rq-timeout-ms` | Envoy | milliseconds, 1 to 15 digits |
 */
export type DeadlineHeader = 'connect-timeout-ms' | 'grpc-timeout' | 'x-envoy-expected-rq-timeout-ms'

interface Format {
  /** Milliseconds; `NaN` for what is no timeout. */
  parse(value: string): number
  /** Never more than `ms` milliseconds, which are finite and not negative. */
  format(ms: number): string
}

/** Each format by its header. */
export const deadlineFormats: Readonly<Record<DeadlineHeader, Format>> = {
  'connect-timeout-ms': digits(10),
  'grpc-timeout': { parse: parseGrpcTimeout, format: formatGrpcTimeout },
  'x-envoy-expected-rq-timeout-ms': digits(15),
}

export const deadlineHeaders: readonly DeadlineHeader[] = Object.keys(deadlineFormats) as DeadlineHeader[]

/** One header or several, as a list; `undefined` for what is neither. */
export function listOfHeaders(value: unknown): readonly DeadlineHeader[] | undefined {
  const names: unknown[] = Array.isArray(value) ? value : [value]
  return names.length > 0 && names.every(isDeadlineHeader) ? names : undefined
}

function isDeadlineHeader(value: unknown): value is DeadlineHeader {
  return (deadlineHeaders as readonly unknown[]).includes(value)
}

function digits(most: number): Format {
  const pattern = new RegExp(`^\\d{1,${most}}$`)
  const largest = 10 ** most - 1
  return {
    parse: (value) => (pattern.test(value) ? Number(value) : Number.NaN),
    format: (ms) => String(Math.min(Math.floor(ms), largest)),
  }
}
