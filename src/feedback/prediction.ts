/** What an answer says of a class. `probabilities` of all labels, adding up to 1; null when the answer gave none that do. */
export type Prediction = { label: string; probabilities: Readonly<Record<string, number>> | null }

/**
 * Reads a classifier's answer: the bare label, or JSON such as `{"label": "spam", "scores": {"spam": 0.9, "ham": 0.1}}`, where `scores`
 * may be `probabilities`, or a single `score` of the label when there are two. Null when it names none of the labels.
 */
export const readPrediction = (labels: readonly string[], answer: string): Prediction | null => {
  const bare = matching(labels, answer)
  if (bare !== undefined) return { label: bare, probabilities: null }
  const parsed = parseObject(answer)
  if (!parsed) return null
  const named = typeof parsed.label === 'string' ? matching(labels, parsed.label) : undefined
  const probabilities = normalised(labels, parsed.scores ?? parsed.probabilities) ?? ofOne(labels, named, parsed.score)
  const label =
    named ?? (probabilities && labels.reduce((best, one) => ((probabilities[one] ?? 0) > (probabilities[best] ?? 0) ? one : best)))
  return label ? { label, probabilities } : null
}

/** Models vary capitals and add a full stop. */
const matching = (labels: readonly string[], text: string): string | undefined => {
  const said = text.trim()
  return labels.find((label) => label === said) ?? labels.find((label) => plain(label) === plain(said))
}

const plain = (text: string): string => text.toLowerCase().replace(/^["'`]+|["'`.!]+$/g, '')

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined // an answer in prose
  }
}

/** Scores that are probabilities but for rounding. */
const normalised = (labels: readonly string[], scores: unknown): Record<string, number> | null => {
  if (scores === null || typeof scores !== 'object') return null
  const given = new Map(Object.entries(scores))
  const values = labels.map((label) => given.get(label))
  if (!values.every((value): value is number => typeof value === 'number' && value >= 0 && value <= 1)) return null
  const total = values.reduce((sum, value) => sum + value, 0)
  if (Math.abs(total - 1) > 0.02) return null
  return Object.fromEntries(labels.map((label, index) => [label, (values[index] ?? 0) / total]))
}

const ofOne = (labels: readonly string[], label: string | undefined, score: unknown): Record<string, number> | null => {
  if (labels.length !== 2 || label === undefined || typeof score !== 'number' || !(score >= 0 && score <= 1)) return null
  return Object.fromEntries(labels.map((one) => [one, one === label ? score : 1 - score]))
}
