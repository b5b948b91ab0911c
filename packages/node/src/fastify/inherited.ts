type Method = (this: unknown, ...args: unknown[]) => unknown

/** What an object would have under this name if it were not for `own`. */
export function inherited(
  object: object,
  name: string,
  as: 'get' | 'value',
  own: unknown,
): Method | undefined {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name)?.[as]
    if (found !== undefined && found !== own) return found
  }
  return undefined
}
