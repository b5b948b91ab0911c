/** A watch that tells how long this process has computed since, in milliseconds, whatever else the machine does. */
export function cpuTime(): () => number {
  const start = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1_000
  }
}
