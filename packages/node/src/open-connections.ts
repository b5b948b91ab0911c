import { Afterwards } from '@curfew/core/adapter'
import type { Connection } from './connection.ts'

/** The exchanges of a server that are not over. */
export class OpenConnections extends Set<Connection> {
  readonly afterwards: Afterwards = new Afterwards()
  /** How many there have been. */
  begun = 0

  override add(connection: Connection): this {
    this.begun++
    return super.add(connection)
  }
}
