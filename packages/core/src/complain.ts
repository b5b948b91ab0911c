/** Says on the console what nobody else is told. */
export function complain(what: string, error: unknown): void {
  try {
    console.error(what, error)
  } catch {
    // Some errors throw when they are looked at.
    console.error(what, typeof error)
  }
}
