import type { FastifyReply } from 'fastify'

/**
 * Puts the headers that Fastify holds back where a guard sees them, as set before it: they are to be in every reply.
 * Gives what takes them up again, for until it sends them itself they are Fastify's to change.
 */
export function layHeaders(reply: FastifyReply): () => void {
  const { raw } = reply
  const held = Object.entries(reply.getHeaders())
  if (held.length === 0) return nothing
  const before = raw.getHeaders()
  const laid: string[] = []
  for (const [name, value] of held) {
    if (value === undefined || value === before[name]) continue
    try {
      raw.setHeader(name, value)
      laid.push(name)
    } catch {
      // Fastify will say so itself, when it comes to send it.
    }
  }
  return () => {
    for (const name of laid) {
      const value = before[name]
      if (value === undefined) raw.removeHeader(name)
      else raw.setHeader(name, value)
    }
  }
}

function nothing(): void {}
