import type { Choice } from '../answer/transcript.ts'
import type { ChatEvent, TokenLogprob } from '../models/chat-model.ts'
import type { Trace } from '../traces/trace.ts'
import { chunkWriter, type Frames, frameHead, logprobJson, type ToJson, usageJson } from './frames.ts'

/** `chat.completion`. */
export const chatJson: ToJson = ({ choices, usage, trace }) =>
  JSON.stringify({
    ...frameHead(trace, 'chatcmpl', 'chat.completion'),
    choices: choices.map(choiceJson),
    usage: usage && usageJson(usage),
  })

/** `chat.completion.chunk`. */
export const chatFrames = (trace: Readonly<Trace>, includeUsage: boolean): Frames => {
  const chunk = chunkWriter(frameHead(trace, 'chatcmpl', 'chat.completion.chunk'), includeUsage)
  const delta = (index: number, content: object, logprobs?: TokenLogprob[]) =>
    chunk.choice(`{"index":${index},"delta":${JSON.stringify(content)},"logprobs":${logprobsJson(logprobs)},"finish_reason":null}`)

  const event = (event: ChatEvent, choices: readonly Choice[]): string => {
    switch (event.type) {
      case 'text-delta':
        return delta(event.choice, { content: event.text }, event.logprobs)
      case 'reasoning-delta':
        return delta(event.choice, { reasoning_content: event.text })
      case 'refusal-delta':
        return delta(event.choice, { refusal: event.text })
      case 'tool-call-delta':
        return delta(event.choice, { tool_calls: [toolCallDelta(event)] })
      case 'finish': {
        const annotations = choices[event.choice]?.annotations ?? []
        const last = annotations.length > 0 ? JSON.stringify({ annotations }) : '{}'
        return chunk.choice(`{"index":${event.choice},"delta":${last},"logprobs":null,"finish_reason":"${event.reason}"}`)
      }
      case 'usage':
        return includeUsage ? chunk.usage(usageJson(event.usage)) : ''
    }
  }

  return {
    open: (choices) => Array.from({ length: choices }, (_, index) => delta(index, { role: 'assistant', content: '' })).join(''),
    event,
  }
}

const choiceJson = (choice: Choice, index: number) => ({
  index,
  message: {
    role: 'assistant',
    // OpenAI: null when the model only called tools or refused.
    content: choice.text === '' && (choice.toolCalls.length > 0 || choice.refusal !== '') ? null : choice.text,
    refusal: choice.refusal === '' ? null : choice.refusal,
    annotations: choice.annotations,
    reasoning_content: choice.reasoning === '' ? undefined : choice.reasoning,
    tool_calls: choice.toolCalls.length === 0 ? undefined : choice.toolCalls.map(toolCallJson),
  },
  logprobs: choice.logprobs ? { content: choice.logprobs.map(logprobJson), refusal: null } : null,
  finish_reason: choice.finishReason,
})

const toolCallJson = ({ id, name, arguments: text }: Choice['toolCalls'][number]) => ({
  id,
  type: 'function',
  function: { name, arguments: text },
})

const toolCallDelta = ({ index, id, name, arguments: text }: Extract<ChatEvent, { type: 'tool-call-delta' }>) =>
  id === undefined ? { index, function: { arguments: text } } : { index, id, type: 'function', function: { name, arguments: text } }

const logprobsJson = (logprobs: TokenLogprob[] | undefined): string =>
  logprobs === undefined ? 'null' : JSON.stringify({ content: logprobs.map(logprobJson), refusal: null })
