import { ClientClosedError } from './errors.ts'
import { tapBody } from './tap-body.ts'

/**
 * For runtimes that tell nobody but the reader of its body that a client left in mid-upload, or not even that: `lost` is
 * called once when the body breaks while the handler reads it, and when it ends before its `content-length` is reached;
 * who reads that gets a `ClientClosedError`, instead of half a body that looks like a whole one.
 */
export function watchUpload(request: Request, lost: (error: unknown) => void): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const expected = Number(request.headers.get('content-length') ?? 0)
  let bytes = 0
  tapBody(request, {
    onChunk(chunk) {
      bytes += chunk.byteLength
    },
    onEnd() {
      if (!(bytes < expected)) return
      const error = new ClientClosedError()
      lost(error)
      throw error
    },
    onBreak: lost,
  })
}
