/** What the examples are told by their environment. */
export interface Settings {
  /** Milliseconds that a request may take. */
  readonly limitMs: number
  readonly port: number
  readonly log: 'text' | 'json'
  /** Which app is served: the plain fetch handler, or the same routes in Hono. */
  readonly app: 'plain' | 'hono'
}

/** Reads `LIMIT_MS`, `PORT`, `LOG` and `APP`. */
export function settings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { LIMIT_MS = '2000', PORT = '3000', LOG, APP } = environment
  return {
    limitMs: Number(LIMIT_MS),
    port: Number(PORT),
    log: LOG === 'json' ? 'json' : 'text',
    app: APP === 'hono' ? 'hono' : 'plain',
  }
}
