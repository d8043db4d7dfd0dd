import type { TokenLogprob } from '../chat-model.ts'
import { isRecord } from './host-error.ts'

type Alternative = TokenLogprob['top'][number]

/** Chat's list of objects, or the parallel arrays of `/v1/completions`. `undefined` when there are none. */
export const readLogprobs = (logprobs: Record<string, unknown>): TokenLogprob[] | undefined => {
  const tokens = Array.isArray(logprobs.content) ? logprobs.content.filter(isRecord).map(chatToken) : textTokens(logprobs)
  return tokens.length > 0 ? tokens : undefined
}

const chatToken = (entry: Record<string, unknown>): TokenLogprob => {
  const top = Array.isArray(entry.top_logprobs) ? entry.top_logprobs.filter(isRecord).map(alternative) : []
  return { ...alternative(entry), top }
}

const alternative = ({ token, logprob, bytes }: Record<string, unknown>): Alternative => ({
  token: String(token ?? ''),
  logprob: finite(logprob),
  bytes: Array.isArray(bytes) ? (bytes as number[]) : bytesOf(String(token ?? '')),
})

/** The first token of an echoed prompt has no probability: its null becomes 0, as for a certainty. */
const textTokens = (logprobs: Record<string, unknown>): TokenLogprob[] => {
  const { tokens, token_logprobs: values, top_logprobs: tops } = logprobs
  if (!Array.isArray(tokens)) return []
  return tokens.map((token, position): TokenLogprob => {
    const top: unknown = Array.isArray(tops) ? tops[position] : undefined
    return {
      token: String(token),
      logprob: finite(Array.isArray(values) ? values[position] : 0),
      bytes: bytesOf(String(token)),
      top: isRecord(top)
        ? Object.entries(top).map(([other, value]) => ({ token: other, logprob: finite(value), bytes: bytesOf(other) }))
        : [],
    }
  })
}

/** JSON has no infinity: hosts send null or -9999 for a token that cannot be. */
const finite = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)

const bytesOf = (token: string): number[] => [...new TextEncoder().encode(token)]
