/**
 * A report did not get through to a webhook. The message names the origin of the URL only: the rest of it is often a
 * secret.
 */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code = 'WEBHOOK_FAILED'
  /** The status of the last answer, if there was one. */
  readonly status: number | undefined
  /** How many requests were made for it. */
  readonly attempts: number

  constructor(
    message: string,
    details: { status?: number | undefined; attempts?: number; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.status = details.status
    this.attempts = details.attempts ?? 0
  }
}
