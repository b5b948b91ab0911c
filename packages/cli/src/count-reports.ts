import type { Report } from '@curfew/core/report'
import { framesOf } from '@curfew/hooks/format'
import { clip } from './clip.ts'
import { routeOf } from './route-of.ts'
import { type Group, Tally } from './tally.ts'

/** So many ids back one is known, and up to twice as many, for a `late` report to take the place of its report. */
export const MAX_KNOWN = 100_000

const MAX_KEY = 200
const MAX_TEXT = 500

/** What is kept of a report that was counted. */
export interface Seen {
  readonly time: string
  readonly error:
    | { readonly name: string; readonly message: string; readonly frame: string | undefined }
    | undefined
}

/** Where a request went, as far as requests are told apart by that. */
export interface Place {
  readonly method: string
  readonly route: string
}

/** Counts requests by what befell them, in memory that has an end. */
export class ReportCounts {
  /** How many reports were counted, with those whose place another one took. */
  reports = 0
  /** How many requests they stand for. */
  requests = 0
  readonly fingerprints: Tally<Seen> = new Tally()
  readonly routes: Tally<Place> = new Tally()
  readonly kinds: Tally<undefined> = new Tally()
  /** Where each id was counted. A map that forgets its oldest at each step would look for it ever longer. */
  private known = new Map<string, Counted>()
  private older: ReadonlyMap<string, Counted> = new Map()
  private readonly maxKnown: number

  constructor(maxKnown: number = MAX_KNOWN) {
    this.maxKnown = maxKnown
  }

  /** A report with the id of one that was counted takes its place: it tells of the same request. */
  add(report: Report): void {
    const id = clip(report.id, MAX_KEY)
    const before = this.known.get(id) ?? this.older.get(id)
    if (this.known.size >= this.maxKnown) {
      this.older = this.known
      this.known = new Map()
    }
    this.known.set(id, this.count(report))
    // After that, so that what both count in is still the same group, seen first when it was.
    if (before) this.takeBack(before)
  }

  private count({ count, kind, request, ...report }: Report): Counted {
    const method = clip(request.method, MAX_KEY)
    const route = clip(routeOf(request), MAX_KEY)
    this.reports++
    this.requests += count
    return {
      count,
      kind: this.kinds.add(kind, count, undefined),
      route: this.routes.add(`${method} ${route}`, count, { method, route }),
      fingerprint: this.fingerprints.add(clip(report.fingerprint, MAX_KEY), count, seen(report)),
    }
  }

  private takeBack({ count, kind, route, fingerprint }: Counted): void {
    this.requests -= count
    this.kinds.takeBack(kind, count)
    this.routes.takeBack(route, count)
    this.fingerprints.takeBack(fingerprint, count)
  }
}

/** Where a report was counted. */
interface Counted {
  readonly count: number
  readonly kind: Group<undefined> | undefined
  readonly route: Group<Place> | undefined
  readonly fingerprint: Group<Seen> | undefined
}

function seen({ time, error }: Pick<Report, 'time' | 'error'>): Seen {
  const [frame] = error ? framesOf(error) : []
  return {
    time: clip(time, MAX_KEY),
    error: error && {
      name: clip(error.name, MAX_KEY),
      message: clip(error.message, MAX_TEXT),
      frame: frame && clip(frame, MAX_TEXT),
    },
  }
}
