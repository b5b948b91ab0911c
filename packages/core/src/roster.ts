/**
 * Who is there, in the order in which they came. It is no `Set`: of one whose members come and go V8 makes a new table
 * every few of them, and each old one keeps the next alive, with all who were there meanwhile, until the next full
 * collection. For a server under load these are most of its requests.
 */
export class Roster<T> implements Iterable<T> {
  size = 0
  private last: Place<T> | undefined
  private first: Place<T> | undefined

  /** Adds one at the end, and gives the place to {@link leave}. */
  add(member: T): Place<T> {
    const place: Place<T> = { member, previous: this.last, next: undefined }
    if (place.previous) place.previous.next = place
    else this.first = place
    this.last = place
    this.size++
    return place
  }

  /** Called once for each place. */
  leave(place: Place<T>): void {
    const { previous, next } = place
    if (previous) previous.next = next
    else this.first = next
    if (next) next.previous = previous
    else this.last = previous
    // A place that is old, and has not been collected, is to keep nobody alive.
    place.previous = place.next = undefined
    this.size--
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let place = this.first; place; place = place.next) yield place.member
  }
}

export interface Place<T> {
  readonly member: T
  previous: Place<T> | undefined
  next: Place<T> | undefined
}
