export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function write(line: object): void {
  console.log(JSON.stringify(line))
}

export function pathOf({ url }: Request): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
