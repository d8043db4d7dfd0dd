import { type CountryCode, findPhoneNumbersInText } from 'libphonenumber-js'
import validator from 'validator'

export const piiKinds = ['email', 'phone', 'card', 'iban', 'ip', 'secret'] as const
export type PiiKind = (typeof piiKinds)[number]

/** Where something personal stands: UTF-16 offsets, end exclusive. */
export type PiiSpan = { kind: PiiKind; start: number; end: number }

export type PiiOptions = {
  /** All when absent. */
  kinds?: readonly PiiKind[] | undefined
  /** Where numbers without a country code are from, as ISO 3166; without it only international ones (`+44 …`) are found. */
  country?: string | undefined
}

/** No finding is longer than this many UTF-16 units: what a stream has to hold back. */
export const piiReach = 256

/**
 * Personal data and secrets in a text, ascending and disjoint. Candidates are found by shape and believed only when they check out: cards
 * by Luhn, IBANs by their check digits, phone numbers by the plan of their country.
 */
export const findPii = (text: string, { kinds = piiKinds, country }: PiiOptions = {}): PiiSpan[] => {
  const found: PiiSpan[] = []
  for (const kind of kinds) {
    if (kind === 'phone') continue
    for (const { pattern, valid } of shapes[kind]) {
      for (const match of text.matchAll(pattern)) {
        if (valid?.(match[0]) !== false) found.push({ kind, start: match.index, end: match.index + match[0].length })
      }
    }
  }
  if (kinds.includes('phone') && /\d{3}|\d[ ().-]+\d/.test(text)) found.push(...phones(text, country))
  return disjoint(found)
}

/** The text with each finding replaced by its kind, such as `[email]`. */
export const redactPii = (text: string, options?: PiiOptions): string => replacePii(text, findPii(text, options))

/** As `redactPii`, of findings that are at hand. */
export const replacePii = (text: string, spans: readonly PiiSpan[]): string => {
  let redacted = ''
  let from = 0
  for (const { kind, start, end } of spans) {
    redacted += `${text.slice(from, start)}[${kind}]`
    from = end
  }
  return redacted + text.slice(from)
}

type Shape = { pattern: RegExp; valid?: (candidate: string) => boolean }

const compact = (text: string): string => text.replace(/[ -]/g, '')

/** Every repetition is bounded: a text written to backtrack costs no more than any other. */
const shapes: Record<Exclude<PiiKind, 'phone'>, Shape[]> = {
  email: [
    {
      pattern: /(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g,
      valid: (text) => validator.isEmail(text),
    },
  ],
  card: [{ pattern: /(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])/g, valid: (text) => validator.isCreditCard(compact(text)) }],
  iban: [
    {
      pattern: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g,
      valid: (text) => validator.isIBAN(compact(text)),
    },
  ],
  ip: [
    { pattern: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)/g, valid: (text) => validator.isIP(text, 4) },
    {
      pattern: /(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])/g,
      valid: (text) => validator.isIP(text, 6) && /\d/.test(text),
    },
  ],
  // Prefixes that services give their keys so that scanners find them, JSON web tokens and private keys.
  secret: [
    { pattern: /(?<![A-Za-z0-9])(?:sk|pk|rk|weir)[-_](?:[A-Za-z0-9]{2,20}[-_]){0,3}[A-Za-z0-9_-]{16,200}/g },
    { pattern: /(?<![A-Za-z0-9])(?:ghp|gho|ghu|ghs|ghr|glpat|xox[abprs]|hf|npm)[-_][A-Za-z0-9_-]{16,200}/g },
    { pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/g },
    { pattern: /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g },
    { pattern: /(?<![\w-])eyJ[\w-]{10,100}\.eyJ[\w-]{4,100}(?:\.[\w-]{0,50})?/g },
    { pattern: /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----/g },
  ],
}

const phones = (text: string, country: string | undefined): PiiSpan[] =>
  findPhoneNumbersInText(text, country === undefined ? undefined : (country as CountryCode)).map(({ startsAt, endsAt }) => ({
    kind: 'phone',
    start: startsAt,
    end: endsAt,
  }))

/** The longest of those that overlap: a card number is not also a phone number. */
const disjoint = (spans: PiiSpan[]): PiiSpan[] => {
  const kept: PiiSpan[] = []
  for (const span of spans.toSorted((left, right) => right.end - right.start - (left.end - left.start))) {
    if (kept.every(({ start, end }) => span.end <= start || span.start >= end)) kept.push(span)
  }
  return kept.toSorted((left, right) => left.start - right.start)
}
