import type { Toll } from '@curfew/core/adapter'
import type { Connection } from './connection.ts'
import type { OpenConnections } from './open-connections.ts'

/** Counts what becomes of the exchanges of a server from the moment that it stops. */
export class ConnectionToll {
  private readonly open: OpenConnections
  private readonly before: number
  private readonly answeredFor = new Set<Connection>()
  private readonly cut = new Set<Connection>()

  constructor(open: OpenConnections) {
    this.open = open
    this.before = open.begun - open.size
  }

  /** Called right before what has not been answered is answered for. */
  shutDown(): void {
    for (const connection of this.open) {
      if (connection.outgoing.headersSent) this.cut.add(connection)
      else this.answeredFor.add(connection)
    }
  }

  /** Called right before everything is cut off. */
  cutOff(): void {
    for (const connection of this.open) {
      this.answeredFor.delete(connection)
      this.cut.add(connection)
    }
  }

  count(): Toll {
    const total = this.open.begun - this.before
    // In a pipeline, what is cut off takes the answers behind it along.
    const lost = [...this.answeredFor].filter(({ closed }) => closed).length
    return { total, shutDown: this.answeredFor.size - lost, cutOff: this.cut.size + lost }
  }
}
