import { type Assertion, needsText, needsTexts, type Output, type Scorer, texts, verdict } from '../scorer.ts'

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text)

/** The output is the value, white space at its ends aside; a value that is an object is compared as JSON. */
export const equals: Scorer = {
  type: 'equals',
  score: ({ text }, { value }) => {
    if (value !== null && typeof value === 'object') {
      const said = parsed(text)
      return verdict(
        said !== undefined && Bun.deepEquals(said, value, true),
        `the output ${said === undefined ? 'is not JSON' : 'is compared as JSON'}`,
      )
    }
    return verdict(text.trim() === String(value).trim(), `expected ${quoted(String(value))}`)
  },
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Found = (output: string, sought: string) => boolean
const same: Found = (output, sought) => output.includes(sought)
const anyCase: Found = (output, sought) => output.toLowerCase().includes(sought.toLowerCase())

const one = (type: string, found: Found): Scorer => ({
  type,
  refuse: needsText,
  score: ({ text }, { value }) => verdict(found(text, String(value)), `looked for ${quoted(String(value))}`),
})

const several = (type: string, found: Found, all: boolean): Scorer => ({
  type,
  refuse: needsTexts,
  score: ({ text }: Output, { value }: Assertion) => {
    const sought = texts(value)
    const missing = sought.filter((item) => !found(text, item))
    if (all) return verdict(missing.length === 0, missing.length === 0 ? 'all are there' : `missing: ${missing.map(quoted).join(', ')}`)
    return verdict(
      missing.length < sought.length,
      missing.length < sought.length ? 'one is there' : `none of ${sought.map(quoted).join(', ')}`,
    )
  },
})

export const contains = one('contains', same)
export const icontains = one('icontains', anyCase)
export const containsAll = several('contains-all', same, true)
export const containsAny = several('contains-any', same, false)
export const icontainsAll = several('icontains-all', anyCase, true)
export const icontainsAny = several('icontains-any', anyCase, false)

export const startsWith: Scorer = {
  type: 'starts-with',
  refuse: needsText,
  score: ({ text }, { value }) => verdict(text.startsWith(String(value)), `expected to start with ${quoted(String(value))}`),
}

export const regex: Scorer = {
  type: 'regex',
  refuse: ({ value }) => {
    try {
      new RegExp(String(value))
      return typeof value === 'string' ? undefined : 'regex needs a pattern as its value'
    } catch (error) {
      return `the pattern is wrong: ${(error as Error).message}`
    }
  },
  score: ({ text }, { value }) => verdict(new RegExp(String(value)).test(text), `matched against ${String(value)}`),
}

/** `{min, max}` or an exact number of words. */
export const wordCount: Scorer = {
  type: 'word-count',
  refuse: ({ value }) =>
    typeof value === 'number' || (value !== null && typeof value === 'object') ? undefined : 'word-count needs a number, or {min, max}',
  score: ({ text }, { value }) => {
    const words = text.split(/\s+/).filter(Boolean).length
    const { min = 0, max = Number.POSITIVE_INFINITY } =
      typeof value === 'number' ? { min: value, max: value } : (value as { min?: number; max?: number })
    return verdict(words >= min && words <= max, `${words} words`)
  },
}
