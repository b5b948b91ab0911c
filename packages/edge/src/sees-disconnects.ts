/** What Workers say of the flags that they were started with. */
interface Globals {
  readonly Cloudflare?: { readonly compatibilityFlags?: { readonly enable_request_signal?: boolean } }
}

/**
 * Whether the runtime tells of clients that leave while their handler runs. On Workers it does with the compatibility
 * flag `enable_request_signal` (`true`); without it (`false`) there are timeouts only, and a client that has left is
 * recorded as if it had stayed. `undefined` where the runtime does not say: on other edges, and on old Workers.
 *
 * @example
 * ```ts
 * if (seesDisconnects() === false) console.warn('Set compatibility_flags = ["enable_request_signal"]')
 * ```
 */
export function seesDisconnects(): boolean | undefined {
  return (globalThis as Globals).Cloudflare?.compatibilityFlags?.enable_request_signal
}
