/** So many at a time; others wait for a place, in the order in which they came. */
export class Places {
  private free: number
  private waiting: (() => void)[] = []

  constructor(places: number) {
    this.free = places
  }

  /**
   * Does the work once there is a place for it. Who waits is told that there is one, and nothing is done for him: on
   * edges, what is done for another request is dropped with one's own.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    while (this.free === 0) await new Promise<void>((resolve) => this.waiting.push(resolve))
    this.free--
    try {
      return await work()
    } finally {
      this.free++
      this.tellAll()
    }
  }

  /** Not only the first: its request may have been dropped, and then it would never take the place. */
  private tellAll(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const tell of waiting) tell()
  }
}
