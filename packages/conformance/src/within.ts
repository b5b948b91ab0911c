/** How long anything is waited for before a test gives up: long enough for a machine that is busy. */
export const patienceMs = 10_000

/** The promise, or an error that says what was waited for once `ms` have passed. */
export async function within<T>(
  promise: Promise<T>,
  description: string | (() => string),
  ms: number = patienceMs,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = typeof description === 'string' ? description : description()
      reject(new Error(`waited ${ms} ms in vain: ${text}`))
    }, ms)
  })
  try {
    return await Promise.race([promise, timeUp])
  } finally {
    clearTimeout(timer)
  }
}
