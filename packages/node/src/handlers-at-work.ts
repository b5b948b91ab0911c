/** Who is told how the handlers of an exchange settle. */
export interface HandlerWatch {
  /** All of them are done. */
  returned(): void
  fail(error: unknown): void
}

/** The promises of the handlers of one exchange: those further in have their own. They hold on to their watch alone. */
export class HandlersAtWork {
  /** How many have not settled. */
  count = 0
  watch: HandlerWatch

  constructor(watch: HandlerWatch) {
    this.watch = watch
  }

  add(result: PromiseLike<unknown>): void {
    this.count++
    result.then(
      () => {
        if (--this.count === 0) this.watch.returned()
      },
      (error) => this.watch.fail(error),
    )
  }
}
