import type { Told } from './service.ts'

/** What several processes tell of one request, in the order in which it happened. */
export class Story {
  private readonly startedAt = Date.now()
  private readonly told: Told[] = []
  private look = (): void => {}

  add(told: Told): void {
    this.told.push(told)
    this.look()
  }

  /** Whether so many services have stopped, within so many milliseconds. */
  stopped(count: number, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const tooLong = setTimeout(() => resolve(false), ms)
      this.look = () => {
        if (this.told.filter(({ event }) => event === 'stops').length < count) return
        clearTimeout(tooLong)
        resolve(true)
      }
      this.look()
    })
  }

  /** A line for each thing that happened, with the milliseconds since the start of the story. */
  toString(): string {
    const inOrder = this.told.toSorted((a, b) => a.at - b.at)
    const lines = inOrder.map(({ service, at, event, what }) => {
      const ms = String(at - this.startedAt).padStart(6)
      return `${ms} ms  ${service.padEnd(14)} ${event.padEnd(7)} ${what}`
    })
    return lines.join('\n')
  }
}
