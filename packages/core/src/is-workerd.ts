/** Whether this is workerd, which is what Cloudflare Workers run on. */
export const isWorkerd: boolean =
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent === 'Cloudflare-Workers'
