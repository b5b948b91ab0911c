import { any } from './patterns.ts'

/**
 * Whether what has this name (a header, field, property, option or variable, in any case style) is a secret:
 * `db_password`, `X-API-Key` and `sessionId` are, `tokenizer`, `session_count` and `InvalidTokenError` are not.
 *
 * @example
 * ```ts
 * isSecretName('clientSecret') // true
 * isSecretName('passwordLength') // false
 * ```
 */
export function isSecretName(name: string): boolean {
  const words = toWords(name.slice(-LONGEST_NAME))
  return SECRET_NAME.test(words) && !ABOUT_A_SECRET.test(words)
}

/** More than any name has; of a longer one, the end counts. */
const LONGEST_NAME = 128

/** `X-API-Key2` as `_x_api_key_`: lower case, an underscore around each word, no digits. */
function toWords(name: string): string {
  const words = name
    .replace(/\d+/g, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replace(/[^A-Za-z]+/g, '_')
  return `_${words.toLowerCase()}_`
}

/** What says secret in a name. Whole words where the letters are part of harmless ones: `author`, `passed`, `spinner`. */
const SECRET_NAME: RegExp = any([
  /pass_?(?:word(?!less)|wd|phrase|code)|_(?:pass|pw)_|pwd_/,
  /secret(?!ar|ion)|credential|_creds?_/,
  /tokens?_|_jwt_|_bearer_|csrf|xsrf/,
  /_o?auth_|auth_?(?:key|code)_|authorization/,
  /cookies?_|_session_|sess(?:ion)?_?(?:id|key)|_sid_/,
  /(?:api|app|access|account|client|consumer|service|server|functions?|subscription|licen[cs]e|webhook)_?keys?_/,
  /(?:private|secret|shared|master|root|ssh|aes|hmac|(?:en|de)cryption|signing|session)_?keys?_/,
  /signature_|_sig_|code_verifier|client_assertion|saml_?response/,
  /_[ht]?otp_|_pin_|(?:security|verification|mfa|recovery|backup)_codes?_|mnemonic|(?:seed|recovery)_phrase/,
  /_c(?:vv|vc)_|_ssn_|social_security|card_?(?:number|no|num)_|credit_?card_|_cc_?(?:number|no|num)_/,
])

/** Names that speak about a secret (how many, how long, where, whether) and do not hold it. */
const ABOUT_A_SECRET: RegExp = any([
  /^_(?:is|has|had|no|not|with|without|max|min|num|total|allow|needs?|invalid|missing|bad|wrong|unknown|unexpected)_/,
  /_(?:counts?|len|length|size|limit|max|min|rate|percent|age|ttl|timeout|idle|ms|secs?|seconds|minutes|days)_$/,
  /_(?:at|in|on|date|time|expiry|expires?|expired|expiration|status|version|strength|polic(?:y|ies)|rules?)_$/,
  /_(?:enabled|disabled|required|missing|invalid|valid|mismatch|errors?|exception|failed|failure|found|consent)_$/,
  /_(?:name|names|type|kind|field|format|algorithm|alg|method|mechanism|mode|scheme|strategy|provider|schema)_$/,
  /_(?:file|path|dir|url|uri|endpoint|host|port|server|service|source|domain|store|storage|users?|username)_$/,
  /client_id_$|allow_credentials_$|_(?:prompt|completion|input|output|cached|reasoning|used)_tokens_$/,
])
