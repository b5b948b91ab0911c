import type { RecordLog } from './record-log.ts'
import type { Exit } from './start-server.ts'

export type Protocol = 'http/1.1' | 'h2c' | 'h2'

export type RouteName =
  | 'hello'
  | 'short'
  | 'long'
  | 'boundary'
  | 'nocontent'
  | 'redirect'
  | 'panic'
  | 'panicLate'
  | 'template'
  | 'large'
  | 'events'
  | 'upload'
  | 'leaky'
  | 'stalled'
  | 'early'
  | 'stats'

/** The path of each route that the server offers. A case whose route is not offered fails. */
export type Routes = Readonly<Partial<Record<RouteName, string>>>

/** A server that runs. */
export type Target = {
  readonly url: string
  readonly routes: Routes
  readonly records: RecordLog
  stderr(): string
  readonly exited: Promise<Exit>
  stop(): Promise<Exit>
}

/** How to start the server that the suite is run against, and what is known about it. */
export type Fixture = {
  /** Called once for each area of the suite, so that none sees what another has left behind. */
  start(protocol: Protocol): Promise<Target>
  /** The limit of the server's guard: 400 is enough. */
  readonly limitMs: number
  /** HTTP/1.1 alone by default. Each of these has `start` called with it. */
  readonly protocols?: readonly Protocol[]
  /**
   * The cases that this runtime cannot pass, by name (or `h2c: name`, for that protocol alone), and why. They are
   * run all the same: one that passes after all is a failure.
   */
  readonly exceptions?: Readonly<Record<string, string>>
}
