import type { Choice } from '../answer/transcript.ts'
import type { ChatEvent, TokenLogprob } from '../models/chat-model.ts'
import type { Trace } from '../traces/trace.ts'
import { chunkWriter, type Frames, frameHead, type ToJson, usageJson } from './frames.ts'

/** `text_completion`, which is the object's name streamed and not. */
export const completionJson: ToJson = ({ choices, usage, trace }) =>
  JSON.stringify({ ...frameHead(trace, 'cmpl', 'text_completion'), choices: choices.map(choiceJson), usage: usage && usageJson(usage) })

export const completionFrames = (trace: Readonly<Trace>, includeUsage: boolean): Frames => {
  const chunk = chunkWriter(frameHead(trace, 'cmpl', 'text_completion'), includeUsage)
  /** Characters already sent of each choice: where the next logprobs begin. */
  const offsets: number[] = []

  const event = (event: ChatEvent): string => {
    switch (event.type) {
      case 'text-delta': {
        const offset = offsets[event.choice] ?? 0
        offsets[event.choice] = offset + event.text.length
        return chunk.choice(
          JSON.stringify({ index: event.choice, text: event.text, logprobs: logprobsJson(event.logprobs, offset), finish_reason: null }),
        )
      }
      case 'finish':
        return chunk.choice(JSON.stringify({ index: event.choice, text: '', logprobs: null, finish_reason: event.reason }))
      case 'usage':
        return includeUsage ? chunk.usage(usageJson(event.usage)) : ''
      // Raw text has neither thoughts, refusals nor tools.
      case 'reasoning-delta':
      case 'refusal-delta':
      case 'tool-call-delta':
        return ''
    }
  }

  return {
    open: () => '',
    event,
  }
}

const choiceJson = (choice: Choice, index: number) => ({
  index,
  text: choice.text,
  logprobs: logprobsJson(choice.logprobs, 0),
  finish_reason: choice.finishReason,
})

/** OpenAI's older shape: parallel lists, and offsets in characters. */
const logprobsJson = (logprobs: TokenLogprob[] | undefined, start: number) => {
  if (logprobs === undefined) return null
  let offset = start
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: logprobs.map(({ token }) => {
      const at = offset
      offset += token.length
      return at
    }),
  }
}
