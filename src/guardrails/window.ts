import type { TokenLogprob } from '../models/chat-model.ts'
import type { Span } from './check.ts'
import type { Watch } from './guard.ts'
import { spansToRemove } from './input.ts'

export type Released = { text: string; logprobs?: TokenLogprob[] | undefined }

/** The text of one choice on its way to the reader: nothing leaves before the guards have read it together with what follows. */
export type Window = {
  push(text: string, logprobs?: TokenLogprob[] | undefined): Promise<Released | undefined>
  /** The rest. */
  end(): Promise<Released | undefined>
}

/**
 * Holds back as much as the longest finding may need, and judges in strides as long as the slowest guard wants to read. A finding at the
 * edge of what may leave waits until it is whole. What has left is kept as context, as it was, so that nothing hides behind the edge.
 */
export const createWindow = (watches: readonly Watch[]): Window => {
  const reads = watches.map(({ guard }) => guard.check.reads)
  const holdsAll = reads.some(({ kind }) => kind === 'whole')
  const hold = Math.max(0, ...reads.map((read) => (read.kind === 'chars' ? read.chars : read.kind === 'window' ? read.chars / 4 : 0)))
  const stride = Math.max(1, ...reads.map((read) => (read.kind === 'window' ? read.chars / 2 : 1)))
  let context = ''
  let held = ''
  /** The pieces that `held` came in, with their probabilities. */
  let pieces: { length: number; logprobs: TokenLogprob[] | undefined }[] = []

  const release = async (ended: boolean): Promise<Released | undefined> => {
    const text = context + held
    const spans = (await spansToRemove(text, watches)).filter(({ end }) => end > context.length)
    let cut = ended ? text.length : Math.max(context.length, text.length - hold)
    // Never between the halves of a surrogate pair, and never through a finding.
    if (isHighSurrogate(text.charCodeAt(cut - 1))) cut -= 1
    for (const { start, end } of spans) if (start < cut && end > cut) cut = start
    cut = Math.max(cut, context.length)
    const leaving = { from: context.length, until: cut }
    const removed = spans.filter(({ end }) => end <= cut)
    const released = { text: written(text, leaving, removed), logprobs: logprobsOf(leaving, removed) }
    held = text.slice(cut)
    context = text.slice(Math.max(0, cut - hold), cut)
    return released.text === '' ? undefined : released
  }

  /** Those of the pieces that leave whole. What was taken out must not be read off its tokens. */
  const logprobsOf = ({ from, until }: { from: number; until: number }, removed: readonly Span[]): TokenLogprob[] | undefined => {
    const kept: TokenLogprob[] = []
    let at = from
    while (pieces[0] !== undefined && at + pieces[0].length <= until) {
      const { length, logprobs } = pieces.shift() as (typeof pieces)[number]
      if (logprobs !== undefined && removed.every(({ start, end }) => end <= at || start >= at + length)) kept.push(...logprobs)
      at += length
    }
    if (pieces[0] !== undefined && at < until)
      pieces = [{ length: pieces[0].length - (until - at), logprobs: pieces[0].logprobs }, ...pieces.slice(1)]
    return kept.length === 0 ? undefined : kept
  }

  return {
    push: async (text, logprobs) => {
      held += text
      pieces.push({ length: text.length, logprobs })
      return holdsAll || held.length < hold + stride ? undefined : release(false)
    },
    end: async () => (held === '' && !holdsAll ? undefined : release(true)),
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

const written = (text: string, { from, until }: { from: number; until: number }, removed: readonly Span[]): string => {
  let out = ''
  let at = from
  for (const { start, end, label } of removed) {
    out += `${text.slice(at, Math.max(at, start))}[${label}]`
    at = end
  }
  return out + text.slice(at, until)
}
