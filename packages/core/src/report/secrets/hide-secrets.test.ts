import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuTime } from '../../../test/cpu-time.ts'
import { REDACTED } from '../report.ts'
import { hideSecrets } from './hide-secrets.ts'
import { isSecretName } from './is-secret-name.ts'

const PEM = `-----BEGIN RSA PRIVATE KEY-----
MIIEpAIBAAKCAQEA7bq/abc+def==
-----END RSA PRIVATE KEY-----`
const AWS_SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const SHA = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'
const TOKEN = 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'

/** Joined here, so that no scanner of sources takes an example for a leak. */
const issued = (prefix: string): string => prefix + TOKEN

describe('hides, and keeps what is around it', () => {
  test.each([
    // Schemes
    ['got Authorization: Bearer abc.def-123, sorry', 'got Authorization: Bearer [redacted], sorry'],
    ['BEARER "hunter2" refused', 'BEARER "[redacted]" refused'],
    ['Basic dXNlcjpwYXNzd29yZA== refused', 'Basic [redacted] refused'],
    ['authorization: basic dTpw', 'authorization: basic [redacted]'],
    ['Proxy-Authorization: Custom abc def\nHost: x', 'Proxy-Authorization: [redacted]\nHost: x'],
    ['sent token 8f3a9c1be77d, got 401', 'sent token [redacted], got 401'],
    ['ApiKey 9f8e7d6c5b refused', 'ApiKey [redacted] refused'],
    ['Digest username="Bob", uri="/", response="6629fae" failed', 'Digest [redacted] failed'],
    [
      '{"authorization":"Digest username=\\"Bob\\", response=\\"662\\"","host":"y"}',
      '{"authorization":"Digest [redacted]","host":"y"}',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, Signature=fe5f80',
      'AWS4-HMAC-SHA256 [redacted]',
    ],
    // Tokens
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_def. Next', 'jwt [redacted]. Next'],
    ['jwe eyJhbGciOiJkaXIifQ..iv_123.ct-456.tag789, next', 'jwe [redacted], next'],
    ['cut off eyJhbGciOiJIUzI1NiJ9.eyJzdW', 'cut off [redacted]'],
    ['"a line\\neyJhbGciOiJIUzI1NiJ9.eyJz.x"', '"a line\\n[redacted]"'],
    ['/verify/eyJhbGciOiJIUzI1NiJ9.e30.x?a=1', '/verify/[redacted]?a=1'],
    ['AKIAIOSFODNN7EXAMPLE is not authorized', '[redacted] is not authorized'],
    [`AKIAIOSFODNN7EXAMPLE,${AWS_SECRET}\n`, '[redacted]\n'],
    [`aws_secret_access_key = ${AWS_SECRET}\nregion = x`, 'aws_secret_access_key = [redacted]\nregion = x'],
    [`the AWS secret key ${AWS_SECRET} is`, 'the AWS secret key [redacted] is'],
    ['https://hooks.slack.com/services/T00/B00/XXX 404', 'https://hooks.slack.com/services/[redacted] 404'],
    [`api.telegram.org/bot123456789:AA${TOKEN}/sendMessage`, 'api.telegram.org/bot[redacted]/sendMessage'],
    [`SK${SHA.slice(0, 32)} not found`, '[redacted] not found'],
    ['?sv=2020&sig=abc%2Bdef%3D&se=2 403', '?sv=2020&sig=[redacted]&se=2 403'],
    ['discord.com/api/webhooks/123/abc-DEF 404', 'discord.com/api/webhooks/[redacted] 404'],
    [`client abc8Q~${TOKEN}, ok`, 'client abc[redacted], ok'],
    [`key-${SHA.slice(0, 32)} refused`, '[redacted] refused'],
    // Private keys
    [`bad key: ${PEM}, sorry`, 'bad key: [redacted], sorry'],
    [JSON.stringify({ pem: PEM, user: 'bob' }), '{"pem":"[redacted]","user":"bob"}'],
    ['cut -----BEGIN PRIVATE KEY-----\nMIIEabc\n    at f (x.js:1:2)', 'cut [redacted]\n    at f (x.js:1:2)'],
    ['"key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\\nMIIEabc', '"key": "[redacted]'],
    // URLs
    ['connect postgres://user:pass@db/app', 'connect postgres://[redacted]@db/app'],
    ['redis://:pw@cache:6379', 'redis://[redacted]@cache:6379'],
    ['mongodb://u:p@ss@h1:27017,h2:27017/db', 'mongodb://[redacted]@h1:27017,h2:27017/db'],
    ['Invalid URL: postgres://u:p/a#ss@db:5432/x', 'Invalid URL: postgres://[redacted]@db:5432/x'],
    ['https://abcdef0123456789abcdef@o1.ingest.io/2', 'https://[redacted]@o1.ingest.io/2'],
    // Names and values
    ['password=hunter2', 'password=[redacted]'],
    ['(password=hunter2).', '(password=[redacted]).'],
    ['password=p,ss(w)rd!x;y', 'password=[redacted]'],
    ['db_password: "two words \\"quoted\\"", next', 'db_password: "[redacted]", next'],
    ['{"password":"a b","user":"bob"}', '{"password":"[redacted]","user":"bob"}'],
    [
      JSON.stringify({ body: JSON.stringify({ password: 'a "b" c\\', user: 'bob' }) }),
      JSON.stringify({ body: JSON.stringify({ password: REDACTED, user: 'bob' }) }),
    ],
    ["{ user: 'bob', pass: `x y`, pin: 1234 }", "{ user: 'bob', pass: `[redacted]`, pin: [redacted] }"],
    ["{ auth: { user: 'x', pass: 'y z' } }", "{ auth: { user: 'x', pass: '[redacted]' } }"],
    ["tokens: [ 'a', 'b' ], next", 'tokens: [[redacted]], next'],
    ['password => hunter2', 'password => [redacted]'],
    ['[password] => hunter2', '[password] => [redacted]'],
    ['mysql --password hunter2 --user bob', 'mysql --password [redacted] --user bob'],
    ['curl --token=abc -v', 'curl --token=[redacted] -v'],
    ['/cb?code=1&access_token=abc&x=1', '/cb?code=1&access_token=[redacted]&x=1'],
    ['?next=%2Fcb%3Ftoken%3Dabc&y=2', '?next=%2Fcb%3Ftoken%3D[redacted]&y=2'],
    ['user%5Bpassword%5D=abc&x=1', 'user%5Bpassword%5D=[redacted]&x=1'],
    ['Server=db;Password=a;b;Database=x', 'Server=db;Password=[redacted];Database=x'],
    ['"PIN=1234\\npin=5678\\nx=1"', '"PIN=[redacted]\\npin=[redacted]\\nx=1"'],
    ['API key: abc', 'API key: [redacted]'],
    ['pass phrase: correct horse battery', 'pass phrase: [redacted]'],
    ['Key (token)=(abc def) already exists.', 'Key (token)=([redacted]) already exists.'],
    [
      '<wsse:Password Type="x">hunter 2</wsse:Password>',
      '<wsse:Password Type="x">[redacted]</wsse:Password>',
    ],
    ['<p>token=abc</p>', '<p>token=[redacted]</p>'],
    ['href="/?a=1&amp;token=abc&amp;x=1"', 'href="/?a=1&amp;token=[redacted]&amp;x=1"'],
    ['{"cut":"{\\"password\\":\\"a b","user":"bob"}', '{"cut":"{\\"password\\":\\"[redacted]","user":"bob"}'],
    // Cookies
    ['Cookie: a=b; c=d\r\nHost: x', 'Cookie: [redacted]\r\nHost: x'],
    ['set-cookie: sid=abc; Path=/\nx: y', 'set-cookie: [redacted]\nx: y'],
    ["curl -H 'Cookie: a=b; c=d' https://x", "curl -H 'Cookie: [redacted]' https://x"],
    [`'set-cookie': [ 'a=b; Path=/', 'c=d' ], x: 1`, `'set-cookie': [[redacted]], x: 1`],
    // Cards
    ['card 4111 1111 1111 1111 2 items', 'card [redacted] 2 items'],
    ['order 12 5555-5555-5555-4444', 'order 12 [redacted]'],
    ['?q=%204242424242424242', '?q=%20[redacted]'],
  ])('%j', (text, hidden) => {
    expect(hideSecrets(text)).toBe(hidden)
  })

  test.each([
    'ghp_',
    'gho_',
    'github_pat_',
    'glpat-',
    'xoxb-',
    'xoxp-',
    'sk_live_',
    'sk_test_',
    'rk_live_',
    'whsec_',
    'sk-proj-',
    'AIza',
    'ya29.',
    'npm_',
    'SG.',
    'shpat_',
    'hf_',
    'pypi-',
  ])('what begins with %s', (prefix) => {
    expect(hideSecrets(`call failed: ${issued(prefix)} (401)`)).toBe(`call failed: ${REDACTED} (401)`)
  })

  test.each([
    '4222222222222',
    '4242424242424242',
    '5555555555554444',
    '2223003122003222',
    '378282246310005',
    '6011111111111117',
    '3056930009020004',
    '36227206271667',
    '3566002020360505',
    '6205500000000000004',
    '6759649826438453',
    '3782 822463 10005',
    '4242-4242-4242-4242',
  ])('the card %s', (card) => {
    expect(hideSecrets(`declined: ${card}.`)).toBe(`declined: ${REDACTED}.`)
  })
})

/** What reports are full of. */
const harmless = [
  'TypeError: tokens is not iterable',
  "Cannot read properties of undefined (reading 'token')",
  'Unexpected token } in JSON at position 5',
  'Unexpected token \'<\', "<!DOCTYPE "... is not valid JSON',
  'SyntaxError: Unexpected token: punc (})',
  'Missing password',
  'Invalid password: must be at least 8 characters',
  'password: Required',
  '{"password":null,"token":undefined}',
  'JsonWebTokenError: jwt malformed',
  'InvalidTokenError: The access token expired',
  'Bearer token is missing',
  'WWW-Authenticate: Bearer realm="api", error="invalid_token"',
  'Basic authentication failed for the Basic plan',
  'SELECT * FROM users WHERE password = $1 AND token = ?',
  'Access-Control-Allow-Headers: Authorization, Cookie',
  '{"message":"Wrong password: ","user":"bob"}',
  "console.log('password:', password)",
  'token_type=bearer&expires_in=3600&max_tokens=512',
  'passengers: 3, author: bob, keyboard: qwerty, monkey=1, passed: 12, session_count: 7',
  'Error: boom\n    at Token.parse (/app/src/token.ts:12:5)\n    at async auth (file:///app/auth.js:3:7)',
  '    at Object.surveyJsonSchemaValidator (node:internal/modules/cjs/loader:1105:14)',
  '    at https://cdn.example.com/@scope/pkg@1.2.3/dist/index.js:1:2345',
  'C:\\app\\token\\session.js, /var/lib/secrets/password.txt, file://C:/x/@scope/y',
  '550e8400-e29b-41d4-a716-446655440000 at 2024-05-01T12:34:56.789Z from 192.168.10.254:5432',
  `commit ${SHA}, sha256:${SHA}${SHA.slice(0, 24)}`,
  'sha512-Z1ZGcw0Kp6yKQo+7bW0T5tEDrUHkcvBvFmHOEx2sU/8t9OVFg3ZZD6v0dZfJfJ8gqjqXtQ1h5P5xqZq6Y8Y2zA==',
  'order 4242424242424243, 1714567890123, 1714567890123456789, 0.4242424242424242, a4242424242424242',
  'connect ECONNREFUSED auth:8080, redis://session:6379/0, http://localhost:3000/@me',
  'ssh://git@github.com/a/b.git, mailto:bob@example.com, {"a":"http://h:80","b":"bob@x.com"}',
  'npm_config_registry, sk-fading-circle-animation, pk_live_is_public, task-1234567890123456789',
  'Promise<Token> is not assignable to Map<string, Session>',
  'https://example.com/a/b?page=2&sort=name&session_timeout=30#token',
  'rate limit of 5000 requests exceeded, retry in 30 seconds [req-8f3a9c1b]',
]

describe('leaves as it is', () => {
  test.each(harmless)('%j', (text) => {
    expect(hideSecrets(text)).toBe(text)
  })

  test('all of that together, in any order', () => {
    const texts = fc.shuffledSubarray(harmless, { minLength: 1 })
    const separator = fc.constantFrom('\n', '\r\n', '\n\n')
    fc.assert(
      fc.property(texts, separator, (some, between) => {
        const text = some.join(between)
        expect(hideSecrets(text)).toBe(text)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a name that says secret', () => {
  test.each(
    (
      'password Password userPassword DB_PASSWORD new-password password2 passwd pwd dbpwd pass SMTP_PASS passphrase ' +
      'secret clientSecret client_secret SECRETS aws_secret_access_key token accessToken authtoken csrf-token ' +
      'X-XSRF-TOKEN refresh_tokens id_token jwt apiKey APIKEY X-API-Key x-goog-api-key access_key_id privateKey ' +
      'AccountKey encryption_key Ocp-Apim-Subscription-Key auth x-auth oauth Authorization Proxy-Authorization ' +
      'authorization_code cookie Set-Cookie cookies session sessionId JSESSIONID PHPSESSID connect.sid ' +
      '__Host-session sid sig signature X-Hub-Signature-256 credential aws_credentials otp totp pin userPIN ' +
      'cvv cvv2 cvc ssn card_number creditCard SAMLResponse code_verifier password_hash session_data'
    ).split(' '),
  )('%s', (name) => {
    expect(isSecretName(name)).toBe(true)
  })

  test.each(
    (
      'author authority tokenizer tokenize passenger passed passport bypass compass keyboard monkey key publicKey ' +
      'primary_key idempotency-key session_count sessions sessionTimeout token_type tokenExpiresAt maxTokens ' +
      'prompt_tokens passwordLength password_policy hasPassword is_secret withCredentials secretary passwordless ' +
      'InvalidTokenError token_error invalid_token cookie_name cookieDomain auth_url authMechanism client_id ' +
      'oauth_client_id spinner shipping design insider state code nonce user email username id name host url ' +
      'content-type __proto__ constructor 42'
    ).split(' '),
  )('but not %s', (name) => {
    expect(isSecretName(name)).toBe(false)
  })

  test('nothing does not', () => {
    expect(isSecretName('')).toBe(false)
  })

  test('is found at the end of one that is too long', () => {
    expect(isSecretName(`${'a_'.repeat(30_000)}password`)).toBe(true)
  })
})

// --- generated --------------------------------------------------------------------------------------------------

const ALPHANUMERIC = [...'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789']
const letters = (among: readonly string[], minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...among), minLength, maxLength })
const token = (minLength: number, maxLength = minLength): fc.Arbitrary<string> =>
  letters(ALPHANUMERIC, minLength, maxLength)

/** A text with a secret in it; `parts` of it must not survive. */
interface Planted {
  readonly text: string
  readonly parts: readonly string[]
}

function planted(secret: fc.Arbitrary<string>, write: (secret: string) => string): fc.Arbitrary<Planted> {
  return secret.map((part) => ({ text: write(part), parts: [part] }))
}

const secretNames = fc.constantFrom(
  ...[
    'password',
    'db_password',
    'userPassword',
    'x-api-key',
    'api_token',
    'clientSecret',
    'passwd',
    'PWD',
    'sid',
  ],
  ...[
    'X-Auth-Token',
    'csrf',
    'otp',
    'pin',
    'cvv',
    'session',
    'privateKey',
    'SIGNATURE',
    'credential',
    'auth',
  ],
)

/** Not the ones that end a value in what is around it, nor a first or last one that looks like punctuation. */
const passwords = fc
  .tuple(token(1), letters([...ALPHANUMERIC, ...'!#$%*+-/:?@^_~'], 6, 30), token(1))
  .map((parts) => parts.join(''))

/** The digit that makes it pass. */
function luhn(digits: string): string {
  const counted = [...digits].reverse().map((digit, at) => Number(digit) * (at % 2 ? 1 : 2))
  const sum = counted.reduce((total, digit) => total + (digit > 9 ? digit - 9 : digit), 0)
  return String((10 - (sum % 10)) % 10)
}

const digits = (length: number): fc.Arbitrary<string> => letters([...'0123456789'], length, length)

const cards = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constantFrom('4242', '5105', '2720', '6011', '3566'), digits(11)),
      fc.tuple(fc.constantFrom('3412', '3799'), digits(10)),
    ),
    fc.constantFrom('', ' ', '-'),
  )
  .map(([[first, rest], separator]) => {
    const number = first + rest + luhn(first + rest)
    const groups = number.length === 16 ? /(\d{4})(\d{4})(\d{4})(\d{4})/ : /(\d{4})(\d{6})(\d{5})/
    return number.replace(groups, (_, ...found) =>
      found.slice(0, number.length === 16 ? 4 : 3).join(separator),
    )
  })

const base64Lines = fc.array(letters([...ALPHANUMERIC, '+', '/'], 64, 64), { minLength: 1, maxLength: 4 })

const families: Readonly<Record<string, fc.Arbitrary<Planted>>> = {
  'bearer token': planted(token(8, 60), (value) => `Bearer ${value}`),
  'authorization header': fc
    .tuple(fc.constantFrom('Authorization: ', 'authorization=', '"Authorization": "Token '), token(8, 40))
    .map(([header, value]) => ({
      text: header + value + (header.startsWith('"') ? '"' : ''),
      parts: [value],
    })),
  'basic credentials': planted(
    fc.tuple(token(3, 9), passwords).map((pair) => `${btoa(pair.join(':'))}`),
    (value) => `Authorization: Basic ${value}`,
  ),
  JWT: fc
    .tuple(token(10, 40), fc.array(token(0, 40), { minLength: 2, maxLength: 4 }))
    .map(([header, parts]) => [`eyJ${header}`, ...parts.map((part) => part || 'x')])
    .map((parts) => ({ text: parts.join('.'), parts })),
  'JWT that is cut off': fc
    .tuple(token(12), token(30), token(30), fc.nat(60))
    .map((parts) => `eyJ${parts.slice(0, 3).join('.')}`.slice(0, 15 + parts[3]))
    .map((text) => ({ text, parts: text.split('.') })),
  card: planted(cards, (card) => card),
  'AWS access key': planted(letters([...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'], 16, 16), (id) => `AKIA${id}`),
  'AWS secret key': planted(
    token(37).map((value) => `aB3${value}`),
    (value) => `aws secret ${value}`,
  ),
  'private key': fc.tuple(base64Lines, fc.constantFrom('\n', '\r\n', '\\n')).map(([lines, end]) => ({
    text: ['-----BEGIN EC PRIVATE KEY-----', ...lines, '-----END EC PRIVATE KEY-----'].join(end),
    parts: lines,
  })),
  'private key that is cut off': fc.tuple(base64Lines, fc.constantFrom('\n', '\\n')).map(([lines, end]) => ({
    text: ['-----BEGIN PRIVATE KEY-----', ...lines].join(end),
    parts: lines,
  })),
  'credentials in a URL': fc
    .tuple(fc.constantFrom('https', 'postgres', 'mongodb+srv'), token(0, 9), passwords)
    .map(([scheme, user, value]) => ({
      text: `${scheme}://${user}:${value.replace(/[/?#]/g, '')}@db/app`,
      parts: [value.replace(/[/?#]/g, '')],
    })),
  'name and value': fc
    .tuple(secretNames, fc.constantFrom('=', ': ', ' = ', ':', ' => ', '%3D'), passwords)
    .map(([name, sign, value]) => ({ text: name + sign + value, parts: [value] })),
  'name and quoted value': fc
    .tuple(secretNames, fc.constantFrom(':', ': ', '=', ' => '), fc.string({ minLength: 8, maxLength: 40 }))
    .map(([name, sign, value]) => ({
      text: `"${name}"${sign}${JSON.stringify(`x${value}`)}`,
      parts: [JSON.stringify(value).slice(1, -1)],
    })),
  option: fc
    .tuple(fc.constantFrom('--password', '--api-key', '--token'), token(8, 20))
    .map(([name, value]) => ({ text: `${name} ${value}`, parts: [value] })),
  cookie: fc
    .tuple(
      fc.constantFrom('Cookie', 'cookie', 'Set-Cookie'),
      fc.array(token(8, 20), { minLength: 1, maxLength: 3 }),
    )
    .map(([name, values]) => ({
      text: `${name}: ${values.map((value, at) => `c${at}=${value}`).join('; ')}`,
      parts: values,
    })),
  'token of a known issuer': fc
    .tuple(
      fc.constantFrom(
        'ghp_',
        'github_pat_',
        'glpat-',
        'xoxb-',
        'sk_live_',
        'sk-1',
        'AIza',
        'npm_',
        'SG.',
        'ya29.',
      ),
      token(30, 50),
    )
    .map(([prefix, value]) => ({ text: prefix + value, parts: [value] })),
}

const surroundings = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => `Request failed: ${text}`,
  (text) => `${text}\n    at fetch (/app/src/client.ts:10:3)`,
  (text) => `first line\n${text}\nlast line`,
  (text) => JSON.stringify({ status: 401, message: text, user: 'bob' }),
  (text) => JSON.stringify({ body: JSON.stringify({ message: text }) }),
  (text) => `call ("${issued('ghp_')}", then ${text}`,
  (text) => `password="x y", ${text}`,
  (text) => `GET https://example.com/a?b=c ${text}`,
  (text) => `[${text}]`,
)

/** As it is, and as it is in the strings of JSON: all of its runs of 8 characters, or all of it. */
function survivors(hidden: string, part: string): string[] {
  const length = Math.min(8, part.length)
  if (length < 4) return []
  const runs = Array.from({ length: part.length - length + 1 }, (_, at) => part.slice(at, at + length))
  return runs.filter((run) => hidden.includes(run))
}

describe('nothing of a secret survives, wherever it stands', () => {
  test.each(Object.entries(families))('%s', (_, family) => {
    fc.assert(
      fc.property(family, surroundings, ({ text, parts }, surround) => {
        const hidden = hideSecrets(surround(text))
        expect(parts.flatMap((part) => survivors(hidden, part))).toEqual([])
        expect(hidden).toContain(REDACTED)
      }),
      { numRuns: 200 },
    )
  })

  test('nor of several, one after the other', () => {
    // What follows these on their line is theirs.
    const { cookie, 'authorization header': header, ...others } = families
    const lines = fc.array(fc.oneof(...Object.values(families)), { minLength: 2, maxLength: 5 })
    const words = fc.array(fc.oneof(...Object.values(others)), { minLength: 2, maxLength: 5 })
    const several = fc.oneof(
      fc.tuple(lines, fc.constantFrom('\n', '\r\n')),
      fc.tuple(words, fc.constantFrom(' , ', ' and ')),
    )
    fc.assert(
      fc.property(several, ([all, between]) => {
        const hidden = hideSecrets(all.map(({ text }) => text).join(between))
        expect(all.flatMap(({ parts }) => parts).flatMap((part) => survivors(hidden, part))).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})

test('lists are hidden however long, and stay hidden where none ends', () => {
  const hidden = hideSecrets('password=[ a '.repeat(1_000))
  expect(hideSecrets(hidden)).toBe(hidden)
  expect(hideSecrets(`tokens=[${'abc, '.repeat(1_000)}def] x`)).toBe('tokens=[[redacted]] x')
})

/** What patterns begin with, end with, or trip over. */
const fragments = [
  ...[
    'password',
    'token',
    'sid',
    'Bearer ',
    'Basic ',
    'Digest ',
    'Authorization: ',
    'Cookie: ',
    'pass phrase: ',
  ],
  ...[
    'api key',
    'auth:8080',
    'secret',
    'unexpected token ',
    'username=',
    'null',
    'must',
    '--',
    '://',
    'user',
    '@',
  ],
  ...[
    ': ',
    ':',
    '=',
    '=>',
    ' => ',
    '"',
    "'",
    '`',
    '\\"',
    '\\\\\\"',
    '\\n',
    '\n',
    '\t',
    ' ',
    '%3D',
    '%26',
    '\\',
    '|',
  ],
  ...[
    '&',
    ';',
    ',',
    '.',
    ')',
    '(',
    '[',
    ']',
    '{',
    '}',
    '<',
    '>',
    '/',
    '</',
    '<password>',
    '</password>',
    '?',
    'é',
  ],
  ...[
    '[redacted]',
    '[redacted',
    'redacted]',
    'eyJ',
    'eyJhbGciOiJI',
    'ghp_',
    'sk-',
    'SG.',
    'AKIAIOSFODNN7EXAMPLE',
  ],
  ...[
    '4242424242424242',
    '4242 4242 4242 4242',
    '123456789:AA',
    'A1b2C3d4E5f6G7h8',
    AWS_SECRET,
    '2024-05-01',
  ],
  ...[
    '-----BEGIN PRIVATE KEY-----',
    '-----END PRIVATE KEY-----',
    'MIIEabc+/=',
    'hooks.slack.com/services/',
    'x1',
  ],
]

test('what was hidden once stays as it is', () => {
  const texts = fc.oneof(
    fc.array(fc.constantFrom(...fragments), { maxLength: 10 }).map((parts) => parts.join('')),
    fc
      .tuple(fc.oneof(...Object.values(families)), surroundings)
      .map(([{ text }, surround]) => surround(text)),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(texts, (text) => {
      const hidden = hideSecrets(text)
      expect(hideSecrets(hidden)).toBe(hidden)
    }),
    { numRuns: 3_000 },
  )
})

describe('takes no longer than its length warrants', () => {
  const LENGTH = 256 * 1024

  /** What takes quadratic time takes minutes for this many characters; linear time, a tenth of this. */
  const BOUND_MS = 4_000

  function msFor(text: string): number {
    const spent = cpuTime()
    hideSecrets(text)
    return spent()
  }

  test.each([
    ...[
      'a',
      '1 ',
      '4 ',
      'eyJ',
      'eyJaaaaaaaa.',
      '@',
      '://',
      '://a:b',
      '://x:y ',
      '\\',
      '"',
      '[',
      ' ',
      '\n',
      '%20',
    ],
    ...['-----BEGIN ', '-----BEGIN PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----(', '----------'],
    ...[
      'password=',
      'password=[ ',
      'password=["',
      'password="',
      'password=\\"',
      'password: ',
      'password=,a ',
    ],
    ...['Bearer ', 'Bearer\t', 'Basic aA', 'token 1a', 'Digest a=b,', 'Digest a="', 'cookie: ', 'max_', 'aB'],
    ...[
      '<a ',
      '<a>',
      '<a:',
      '</',
      '--a ',
      'api key: ',
      '(a)=(',
      'token%3D',
      '123456:',
      'AKIA',
      'SG.',
      'aws a',
    ],
  ])('%j, again and again', (seed) => {
    expect(msFor(seed.repeat(LENGTH / seed.length))).toBeLessThan(BOUND_MS)
  })

  test.each([
    'password=',
    '"password":"',
    'cookie: ',
    'eyJ',
    '://u:',
    '-----BEGIN PRIVATE KEY-----',
    'Digest a=',
  ])('%j, and then one long value', (start) => {
    for (const seed of ['a', 'a,', '\\', 'a.', ' ', '-', '"', '[']) {
      expect(msFor(start + seed.repeat(LENGTH / seed.length))).toBeLessThan(BOUND_MS)
    }
  })

  test('any few fragments, again and again', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 4 }), (parts) => {
        const seed = parts.join('')
        expect(msFor(seed.repeat(LENGTH / 4 / seed.length))).toBeLessThan(BOUND_MS)
      }),
      { numRuns: 50 },
    )
  })
})

describe('what a parser quotes of JSON', () => {
  function messageOf(text: string): string {
    try {
      JSON.parse(text)
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('It is JSON')
  }

  test.each([
    'my secret',
    '{"password":hunter2secret}',
    'token=abcdefg&user=ada and so on and so on',
    'say "hi" to, "me" me',
  ])('is hidden: %s', (text) => {
    expect(hideSecrets(messageOf(text))).toMatch(
      /^(Unexpected token '.', (\.{3})?"\[redacted\]"(\.{3})? is not valid JSON|JSON Parse error: [ A-Za-z]+ "\[redacted\]")$/,
    )
    expect(hideSecrets(`SyntaxError: ${messageOf(text)}\n    at x`)).toMatch(
      /"\[redacted\]"((\.{3})? is not valid JSON)?\n {4}at x$/,
    )
  })

  test('is hidden where another engine says it in other words', () => {
    expect(hideSecrets('JSON Parse error: Unexpected identifier "my"')).toBe(
      `JSON Parse error: Unexpected identifier "${REDACTED}"`,
    )
  })
})
