import { Deferred } from '@curfew/core/adapter'

/** Who is told how the handlers of an exchange settle. */
export interface HandlerWatch {
  /** All of them are done. */
  returned(): void
  fail(error: unknown): void
}

/** The handlers of one exchange, for those further in have their own. What stands for them holds on to their watch alone. */
export class HandlersAtWork {
  /** How many have not settled. */
  count = 0
  watch: HandlerWatch

  constructor(watch: HandlerWatch) {
    this.watch = watch
  }

  add(result: PromiseLike<unknown> | Deferred): void {
    this.count++
    if (result instanceof Deferred) result.arms = this
    else
      result.then(
        () => this.responded(),
        (error) => this.threw(error),
      )
  }

  responded(): void {
    if (--this.count === 0) this.watch.returned()
  }

  threw(error: unknown): void {
    this.watch.fail(error)
  }
}
