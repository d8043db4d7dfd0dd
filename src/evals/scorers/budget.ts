import { needsNumber, type Output, type Scorer, undetermined } from '../scorer.ts'

/** At most `threshold` of something that is measured. The score is how much of the threshold was left, 0 when none. */
const atMost = (type: string, unit: string, read: (output: Output) => number | null): Scorer => ({
  type,
  refuse: needsNumber,
  score: (output, { threshold = 0 }) => {
    const measured = read(output)
    if (measured === null) return undetermined(`${type} is not known`)
    const pass = measured <= threshold
    const score = pass ? 1 : 0
    return { score, pass, reason: `${Number(measured.toPrecision(4))} ${unit}, at most ${threshold}` }
  },
})

/** Milliseconds from request to the end of the answer. */
export const latency = atMost('latency', 'ms', ({ latencyMs }) => latencyMs)
/** US dollars. An unknown price is not zero: then nothing is concluded. */
export const cost = atMost('cost', 'USD', ({ costUsd }) => costUsd)
export const completionTokens = atMost('completion-tokens', 'tokens', (output) => output.completionTokens)
export const promptTokens = atMost('prompt-tokens', 'tokens', (output) => output.promptTokens)
/** `exp(-mean logprob)` of the answer's tokens. */
export const perplexity = atMost('perplexity', 'perplexity', ({ logprobs }) =>
  logprobs === null || logprobs.length === 0 ? null : Math.exp(-logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length),
)
