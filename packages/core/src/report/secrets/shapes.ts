import { any, PROSE, WORD } from './patterns.ts'

/** Known wherever they stand: their first characters are like nothing else. */
const ANYWHERE: Readonly<Record<string, RegExp>> = {
  // Any label, to its end; if it is cut off, to the end of the string that it is in, or to the stack.
  'private key':
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----(?:(?:[^-]|-(?!----(?:BEGIN|END)))*-----END[^-\r\n]{0,60}-----|(?:(?!-----BEGIN|\n[ \t]{0,8}at )[^"'`<]|["'`]\s{0,4}\+\s{0,20}["'`])*)/,
  // What a parser quotes of a text that it could not read.
  'JSON in a message':
    /(?<=, (?:\.{3})?")(?!<!DOCTYPE|<html)[\s\S]{1,200}?(?="(?:\.{3})? is not valid JSON)|(?<=Unexpected identifier ")[^"]{1,200}(?=")/,
  // To the last @ before the path, for a password may have one; of quotes, those that do not close a string.
  'user and password in a URL':
    /(?<=:\/\/)[^\s/?#"'`<>:@[]*:(?:(?!\[redacted\])[^\s/?#"'`<>]|["'`](?![\s,:;)\]}]))*(?=@)/,
  // The URL of a message that complains about it: a password with a /, ? or # that should have been escaped.
  'broken password in a URL':
    /(?<=:\/\/)[^\s/?#"'`<>:@[]{1,100}:(?!\/|\d{1,5}[/?#])(?:(?!\[redacted\])[^\s"'`<>]){1,200}(?=@[\w.-])/,
  // Sentry's DSN, for one. A short name is a user's: ssh://git@host.
  'key in a URL': /(?<=:\/\/)[\w-]{20,}(?=@)/,
  // The id, and the secret where it follows at once, as in the file that AWS hands out.
  'AWS access key': /(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\w*(?:["'\s,:;|]{1,4}[A-Za-z0-9+/]{40,})?/,
  // Both cases, for 40 characters of one case are a git commit; and a name nearby.
  'AWS secret key':
    /(?<=(?:aws|AWS|[Ss]ecret|SECRET)[\w -]{0,30}["'\s:=>,]{1,4})(?=[a-z0-9+/]{0,39}[A-Z])(?=[A-Z0-9+/]{0,39}[a-z])[A-Za-z0-9+/]{40}[\w+/=]*/,
  GitHub: /(?:gh[oprsu]_|github_pat_)\w{8,}/,
  GitLab: /gl(?:pat|ptt|rt|dt|oas|cbt|agent|soat)-[\w-]{8,}(?:\.[\w-]+){0,3}/,
  Slack: /xox[a-z](?:\.[a-z]+)?-[\w-]{8,}|xapp-[\w-]{8,}|(?<=hooks\.slack\.com\/[a-z]{1,20}\/)[\w/+-]+/,
  // What is public (pk_live_) stays.
  Stripe: /[rs]k_(?:live|test|prod)_\w{8,}|whsec_[\w+/]{8,}={0,2}/,
  Google: /AIza[\w-]{8,}|ya29\.[\w.-]{8,}|GOCSPX-[\w-]{8,}/,
  Shopify: /shp(?:at|ca|pa|ss)_\w{8,}/,
  // The number of the bot, then A and 34 more. In a URL, the word bot is before it.
  Telegram: /(?<!\d)\d{6,12}:A(?:A[\w-]{8,}|[\w-]{30,})/,
  Discord: /(?<=discord(?:app)?\.com\/api\/webhooks\/)[\w/-]+/,
  Azure: /\dQ~[\w~.-]{30,}/,
  'others that name their issuer':
    /(?:pypi-|dckr_[op]at_|hv[brs]\.|glsa_|do[opr]_v1_|lin_api_|PMAK-|NRAK-|ATATT3|pscale_[a-z]{2,5}_|sntry[su]_|pplx-|AGE-SECRET-KEY-)[\w.=-]{16,}/,
}

/** Known at the beginning of a word: elsewhere their letters are part of other words (`surveyJson`, `task-`). */
const AT_WORD: Readonly<Record<string, RegExp>> = {
  // eyJ is {" in base64. Three parts, five, one of them empty, or fewer where the text was cut.
  JWT: /eyJ[\w+/-]{8,}={0,2}(?:\.{1,2}[\w-]+){0,4}/,
  // OpenAI, Anthropic and those who followed. With a digit or a capital, for sk-fading-circle is a style.
  'sk- key': /sk-(?=[\w-]{0,40}[A-Z0-9])[\w-]{16,}/,
  // No underscore: npm_config_registry is a setting.
  npm: /npm_[A-Za-z0-9]{16,}/,
  SendGrid: /SG\.[\w-]{16,}(?:\.[\w-]+)?/,
  Twilio: /SK[0-9a-f]{32}\w*/,
  Mailgun: /key-[0-9a-f]{32}\w*/,
  'Hugging Face, Groq, Databricks': /(?:hf_|gsk_|dapi)[A-Za-z0-9]{30,}/,
}

/** Known by the scheme before them, as in an `Authorization` header, wherever it is told about. */
const AFTER_SCHEME: Readonly<Record<string, string>> = {
  // Anything but a word that makes a sentence of it, or a challenge, which is no secret.
  bearer: String.raw`(?<=${after('bearer')})(?!${anyCase(
    `(?:${PROSE}|null|tokens?|auth|authentication|authorization|credentials?|format|prefix|scheme|type)`,
  )}(?![\w~+/=-])|(?:realm|error|scope)=)[^\s"'\x60<>()[\]{},;\\&]+`,
  // Base64 has capitals here and there, or = at the end: Basic JavaScript is none.
  basic: String.raw`(?<=${after('basic|negotiate|ntlm')})(?=[\w+/-]{0,60}(?:=|[a-z0-9][A-Z][\w+/-]{0,60}[a-z0-9][A-Z]))[\w+/-]{8,}={0,2}`,
  // Words of prose as well, so only what has digits and letters, and is no date.
  token: String.raw`(?<=${after('token|api[-_ ]?key')})(?!\d{4}-\d\d-\d\d)(?=[\w.~+/=-]{0,40}\d)(?=[\w.~+/=-]{0,40}[A-Za-z])[A-Za-z0-9][\w.~+/=-]{7,}`,
  // Everything it lists.
  'scheme with parameters':
    String.raw`(?<=${after('digest|oauth|hawk|signature|aws4-hmac-sha256')})PARAMETER(?:,[ \t]{0,4}PARAMETER)*`.replaceAll(
      'PARAMETER',
      String.raw`[\w-]{1,40}=(?:\\{0,7}"[^"\r\n]*"?|[^\s,"]*)`,
    ),
}

function anyCase(words: string): string {
  return words.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)
}

/** The scheme and the space after it, be it that of a URL, and perhaps a quote. */
function after(schemes: string): string {
  return String.raw`(?<![A-Za-z])(?:${anyCase(schemes)})(?:[ \t]{1,4}|(?:%20){1,4})["'\x60]?`
}

/** Every secret that is known by its own shape, or by the scheme before it. */
export const SHAPES: RegExp = new RegExp(
  [
    ...Object.values(ANYWHERE).map((shape) => shape.source),
    `${WORD}(?:${any(Object.values(AT_WORD)).source})`,
    ...Object.values(AFTER_SCHEME),
  ].join('|'),
  'g',
)
