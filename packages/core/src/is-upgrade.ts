/**
 * Only a WebSocket: what follows is no HTTP any more. Other upgrades (curl offers h2c unasked) a server may ignore, and
 * a header must not be a way around the deadline.
 */
export function isUpgrade(request: Request): boolean {
  return request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}
