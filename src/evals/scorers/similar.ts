import { graded, needsText, type Scorer, undetermined } from '../scorer.ts'

/** Cosine between the embeddings of output and value; from 0.75 on it passes. */
export const similar: Scorer = {
  type: 'similar',
  refuse: needsText,
  score: async ({ text }, { value, threshold = 0.75 }, { embed }) => {
    if (embed === undefined) return undetermined('no embedder: set `embedder` in the suite')
    if (text.trim() === '') return graded(0, threshold, 'the output is empty')
    const [said, wanted] = (await embed([text, String(value)])) as [Float32Array, Float32Array]
    const cosine = said.reduce((sum, component, at) => sum + component * (wanted[at] ?? 0), 0)
    return graded(cosine, threshold, `cosine ${cosine.toFixed(3)}`)
  },
}
