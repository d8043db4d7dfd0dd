import type { Classifier } from '../../models/classifier.ts'
import type { Check } from '../check.ts'

export type ClassifierOptions = {
  /** Labels that are a finding. */
  labels: readonly string[]
  /** From which probability on, in (0, 1]. */
  minProbability: number
}

/** What small classifiers read well at a time; longer texts are read in stretches, and the worst one counts. */
const stretchChars = 600

/** A text classifier, such as one for prompt injections. */
export const classifier = (model: () => Classifier | undefined, { labels, minProbability }: ClassifierOptions): Check => ({
  reads: { kind: 'window', chars: stretchChars },
  find: async (text, { signal }) => {
    const judge = model()
    if (judge === undefined) throw new Error('the classifier is not configured')
    const { results } = await judge.classify({ texts: stretches(text), signal })
    const found = new Set<string>()
    for (const scores of results) {
      for (const { label, score } of scores) if (labels.includes(label) && score >= minProbability) found.add(label)
    }
    return found.size === 0 ? undefined : { labels: [...found], spans: null }
  },
})

/** Overlapping by half, so that nothing is cut in two everywhere; ends at white space where there is some. */
const stretches = (text: string): string[] => {
  if (text.length <= stretchChars) return [text]
  const all: string[] = []
  for (let start = 0; start < text.length; start += stretchChars / 2) {
    const end = Math.min(text.length, start + stretchChars)
    all.push(text.slice(start, end))
    if (end === text.length) break
  }
  return all
}
