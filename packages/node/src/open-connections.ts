import { Afterwards, type Place, Roster } from '@curfew/core/adapter'
import type { Connection } from './connection.ts'

/** The exchanges of a server that are not over. */
export class OpenConnections extends Roster<Connection> {
  readonly afterwards: Afterwards = new Afterwards()
  /** How many there have been. */
  begun = 0

  override add(connection: Connection): Place<Connection> {
    this.begun++
    return super.add(connection)
  }

  /** The same exchange will be added again, by who follows it from now on. */
  withdraw(place: Place<Connection>): void {
    this.leave(place)
    this.begun--
  }
}
