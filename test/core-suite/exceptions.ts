/** Tests of the core that a runtime does not pass. Each has to match some, and all that it matches have to fail. */
export interface Exception {
  readonly tests: RegExp
  readonly reason: string
}

// Bodies of test/record-body.test.ts: what is at hand as a whole when the request is made …
const full =
  'text|JSON.*|bytes that are no text|a typed blob|an odd content type|two content types|a form|a multipart form.*'
const whole = `${full}|an empty text|an empty form`
// … and what is not.
const streams = 'a stream.*|an empty stream|chunks .*'

function read(readers: string, bodies: string): RegExp {
  const escaped = readers.replaceAll(/[()]/g, '\\$&')
  return new RegExp(`^(?:${escaped}) does what it does without a record > with (?:${bodies})$`)
}

export const exceptions: Readonly<Record<string, readonly Exception[]>> = {
  Bun: [
    {
      tests: /^a reply without a body > goes to a HEAD request instead of a Response$/,
      reason:
        'the type that a body of text has by default is added when it is sent, and cannot be copied before',
    },
    {
      tests: /^a multipart form > has the type of a file that was not chosen$/,
      reason: 'a file without bytes has no type',
    },
    {
      tests: read('json()|json() after body was looked at', 'an empty text|an empty form'),
      reason: 'json() of nothing has a message of its own, not that of JSON.parse()',
    },
    {
      tests: read(
        'json()|json() after text()|every method after text()|text() after body was looked at',
        'no body.*',
      ),
      reason: 'the same, where there is no body',
    },
    {
      tests: read('formData()|formData() after body was looked at', 'a stream that breaks'),
      reason:
        'formData() refuses a wrong type before it reads; a recorded one reads, and meets the error first',
    },
    {
      tests: read(
        'body by a reader|text() while a reader has the body|text() after a reader was given up',
        full,
      ),
      reason: 'a body at hand counts as used as soon as it has a reader; a recorded one when it is read',
    },
    { tests: read('body by tee()', full), reason: 'the same, and text() then fails in other words' },
    {
      tests: read('blob() after body was looked at', '(?!a stream that breaks)(?:a stream.*|chunks .*)'),
      reason: 'the blob of a stream has no type, that of the bytes of a recorded one is text',
    },
    {
      tests: read(
        'clone()|clone() after body was looked at|clone() of a clone()|new Request(request) after body was looked at',
        'bytes that are no text',
      ),
      reason:
        'text() of a copy takes the bytes FF FE for those of UTF-16; a recorded one has them as they are',
    },
    {
      tests: read(
        'new Request(request)|new Request(request) after text()|new Request(url, request)',
        `(?!a stream that breaks)(?:${whole}|${streams})`,
      ),
      reason: 'the original of a copy does not count as read; a recorded one does, as the standard has it',
    },
  ],
  Deno: [
    {
      tests: /holds neither the request nor a response once that is over: (?:shutdown|already over)$/,
      reason: 'an error keeps all that the frames of its stack were called on, also once that has been read',
    },
    {
      tests: read('body as that of a response', `(?!a typed blob)(?:${whole})`),
      reason:
        'a body that a response has read can be read again; a recorded one cannot, as the standard has it',
    },
    {
      tests: read('new Request(url, request)', `(?!a typed blob)(?:${whole})`),
      reason: 'the original of a copy does not count as read; a recorded one does, as the standard has it',
    },
  ],
  'an edge VM': [],
}
