import { distance } from 'fastest-levenshtein'
import { looksLikeRefusal } from '../../lib/refusal.ts'
import { graded, needsText, type Scorer, verdict } from '../scorer.ts'

/** At most `threshold` edits away from the value; 5 when absent, as promptfoo has it. The score falls with the share of edits. */
export const levenshtein: Scorer = {
  type: 'levenshtein',
  refuse: needsText,
  score: ({ text }, { value, threshold = 5 }) => {
    const edits = distance(text, String(value))
    const longest = Math.max(text.length, String(value).length, 1)
    return { score: 1 - edits / longest, pass: edits <= threshold, reason: `${edits} edits` }
  },
}

/** Share of the value's words that the output has, in sequences of `n` words (recall, Lin 2004). n is 1 when absent. */
export const rougeN: Scorer = {
  type: 'rouge-n',
  refuse: needsText,
  score: ({ text }, { value, threshold = 0.75, config }) => {
    const n = Number(config.n ?? 1)
    const recall = overlap(grams(words(String(value)), n), grams(words(text), n))
    return graded(recall, threshold, `ROUGE-${n} recall ${recall.toFixed(3)}`)
  },
}

/** ROUGE-L: F-measure of the longest common subsequence of words. */
export const rougeL: Scorer = {
  type: 'rouge-l',
  refuse: needsText,
  score: ({ text }, { value, threshold = 0.75 }) => {
    const [said, wanted] = [words(text), words(String(value))]
    const common = longestCommon(said, wanted)
    const f = common === 0 ? 0 : (2 * common) / (said.length + wanted.length)
    return graded(f, threshold, `ROUGE-L F ${f.toFixed(3)}`)
  },
}

/** BLEU-4 of one sentence against one or more references, without smoothing (Papineni et al. 2002). */
export const bleu: Scorer = {
  type: 'bleu',
  score: ({ text }, { value, threshold = 0.5 }) => {
    const references = (Array.isArray(value) ? value : [value]).map((reference) => words(String(reference)))
    const score = bleuOf(words(text), references)
    return graded(score, threshold, `BLEU ${score.toFixed(3)}`)
  },
}

/** Google-BLEU: the smaller of precision and recall over sequences of one to four words (Wu et al. 2016). */
export const gleu: Scorer = {
  type: 'gleu',
  score: ({ text }, { value, threshold = 0.5 }) => {
    const said = words(text)
    const scores = (Array.isArray(value) ? value : [value]).map((reference) => {
      const wanted = words(String(reference))
      let [matches, ofSaid, ofWanted] = [0, 0, 0]
      for (let n = 1; n <= 4; n += 1) {
        const [left, right] = [grams(said, n), grams(wanted, n)]
        matches += shared(right, left)
        ofSaid += size(left)
        ofWanted += size(right)
      }
      return matches / Math.max(ofSaid, ofWanted, 1)
    })
    const score = Math.max(...scores)
    return graded(score, threshold, `GLEU ${score.toFixed(3)}`)
  },
}

/** The output says the value, words in common aside from order: F-measure over words, as SQuAD counts it. */
export const f1: Scorer = {
  type: 'f1',
  refuse: needsText,
  score: ({ text }, { value, threshold = 0.5 }) => {
    const [said, wanted] = [grams(words(text), 1), grams(words(String(value)), 1)]
    const common = shared(wanted, said)
    const score = common === 0 ? 0 : (2 * common) / (size(said) + size(wanted))
    return graded(score, threshold, `F1 ${score.toFixed(3)}`)
  },
}

export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}]+)?/gu) ?? []

type Grams = ReadonlyMap<string, number>
const grams = (tokens: readonly string[], n: number): Grams => {
  const counts = new Map<string, number>()
  for (let at = 0; at + n <= tokens.length; at += 1) {
    const gram = tokens.slice(at, at + n).join(' ')
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}
const size = (counts: Grams): number => [...counts.values()].reduce((sum, count) => sum + count, 0)
const shared = (wanted: Grams, said: Grams): number =>
  [...wanted].reduce((sum, [gram, count]) => sum + Math.min(count, said.get(gram) ?? 0), 0)
const overlap = (wanted: Grams, said: Grams): number => (size(wanted) === 0 ? 0 : shared(wanted, said) / size(wanted))

const longestCommon = (left: readonly string[], right: readonly string[]): number => {
  let row = new Array<number>(right.length + 1).fill(0)
  for (const word of left) {
    const next = [0]
    for (const [at, other] of right.entries())
      next.push(word === other ? (row[at] as number) + 1 : Math.max(next[at] as number, row[at + 1] as number))
    row = next
  }
  return row[right.length] as number
}

const bleuOf = (said: readonly string[], references: readonly (readonly string[])[]): number => {
  if (said.length === 0) return 0
  let logs = 0
  for (let n = 1; n <= 4; n += 1) {
    const own = grams(said, n)
    const best = new Map<string, number>()
    for (const reference of references)
      for (const [gram, count] of grams(reference, n)) best.set(gram, Math.max(best.get(gram) ?? 0, count))
    const precision = size(own) === 0 ? 0 : shared(own, best) / size(own)
    if (precision === 0) return 0
    logs += Math.log(precision) / 4
  }
  const closest = references
    .map(({ length }) => length)
    .sort((left, right) => Math.abs(left - said.length) - Math.abs(right - said.length) || left - right)[0] as number
  const brevity = said.length > closest ? 1 : Math.exp(1 - closest / said.length)
  return brevity * Math.exp(logs)
}

/** An answer that declines: it begins like one, and says little else. Told by its words; `classifier` asks a model. */
export const isRefusal: Scorer = {
  type: 'is-refusal',
  score: ({ text, finishReason }) => verdict(finishReason === 'content_filter' || looksLikeRefusal(text), 'told by its first sentences'),
}
