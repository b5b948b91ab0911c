/** Settles as `work` does, or rejects with what `late` makes as soon as the signal is aborted. */
export async function unlessAborted<T>(
  signal: AbortSignal,
  work: PromiseLike<T>,
  late: () => unknown,
): Promise<T> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(late())
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([aborted, work])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}
