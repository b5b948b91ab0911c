/** What each peer is told to answer at its deadline, so that all are held to the same. */
export const timeoutBody: string = JSON.stringify({ status: 503, code: 'HANDLER_TIMEOUT' })
export const problemType = 'application/problem+json'
