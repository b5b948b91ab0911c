/**
 * Hears of a payload that breaks while it is sent: Fastify then destroys the response, and says to nobody but its log
 * why.
 */
export function watchPayload(payload: unknown, broke: (error: unknown) => void): void {
  if (typeof payload !== 'object' || payload === null) return
  if (payload instanceof Response) return watchPayload(payload.body, broke)
  if (payload instanceof ReadableStream) watchReader(payload, broke)
  else if ('pipe' in payload && 'on' in payload && typeof payload.on === 'function')
    payload.on('error', broke)
}

function watchReader(stream: ReadableStream, broke: (error: unknown) => void): void {
  const getReader = (() => {
    const reader = ReadableStream.prototype.getReader.call(stream) as ReadableStreamDefaultReader
    const { read } = reader
    const ownRead: typeof read = () =>
      read.call(reader).catch((error) => {
        broke(error)
        throw error
      })
    reader.read = ownRead
    return reader
  }) as typeof stream.getReader
  stream.getReader = getReader
}
