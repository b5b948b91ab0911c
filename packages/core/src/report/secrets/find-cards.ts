import { any, matchAt, type Span, WORD } from './patterns.ts'

/** Lengths and first digits of cards. */
const CARD: RegExp = any([
  // Visa
  /^4\d{12}(?:\d{3}){0,2}$/,
  // Mastercard
  /^(?:5[1-5]|2[2-7])\d{14}$/,
  // American Express
  /^3[47]\d{13}$/,
  // Diners Club
  /^3(?:0[0-5]|[689]\d)\d{11,16}$/,
  // JCB
  /^35\d{14,17}$/,
  // Discover, UnionPay, RuPay
  /^6(?:011|[245]\d\d)\d{12,15}$/,
  // Maestro
  /^(?:50[123]\d|5[678]\d\d|6304|6759|676\d)\d{9,15}$/,
])

/** As they are written: in one piece, or in groups of equal space. Longest first, for another number may follow. */
const CARD_FORMS: readonly RegExp[] = [
  /\d{13,19}(?!\d)/y,
  ...[3, 2, 1].map(
    (more) => new RegExp(String.raw`\d{4,6}([- \xA0])\d{3,7}(?:\1\d{2,7}){${more}}(?!\d)`, 'y'),
  ),
]

const CARD_START: RegExp = new RegExp(String.raw`${WORD}(?<!\d\.)(?=[2-6]\d{3}(?:[- \xA0]?\d){9})`, 'g')

/** The numbers of payment cards. */
export function* findCards(text: string): Iterable<Span> {
  let done = 0
  for (const { index } of text.matchAll(CARD_START)) {
    if (index < done) continue
    const found = CARD_FORMS.map((form) => matchAt(form, text, index)).find(isCard)
    if (!found || /^(?:[A-Za-z]|\.\d)/.test(text.slice(index + found.length, index + found.length + 2)))
      continue
    done = index + found.length
    yield [index, done]
  }
}

function isCard(written: string): boolean {
  const digits = written.replace(/\D/g, '')
  return CARD.test(digits) && passesLuhn(digits)
}

/** Every second digit from the right counts twice; the sum of all digits ends with 0. */
function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let at = 1; at <= digits.length; at++) {
    const digit = Number(digits.at(-at)) * (at % 2 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}
