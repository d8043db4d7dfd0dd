import { z } from 'zod'
import type { Answer, AnswerRequest } from '../../answer/request.ts'
import type { Principal } from '../../keys/principal.ts'
import { type Clock, stopwatch } from '../../lib/clock.ts'
import { AppError } from '../../lib/errors.ts'
import { uuidv7 } from '../../lib/ids.ts'
import type { ChatMessage, ResponseFormat, Usage } from '../../models/chat-model.ts'
import { fillMessages } from './template.ts'
import type { Row, SampledSource } from './wire.ts'

export type SampleDeps = {
  /** The path of every request, with the limits and budgets of whoever asks. */
  answer: (request: AnswerRequest) => Answer
  clock: Clock
  principal: Principal
  runId: string
  used: (model: string, usage: Usage) => void
  signal: AbortSignal
}

/** An answer to one row: what templates may name of it, and what the API tells of it. */
export type Sampled = {
  namespace: { output_text: string; output_json?: unknown; output_tools: unknown[]; model: string; finish_reason: string }
  told: {
    input: { role: string; content: string }[]
    output: { role: 'assistant'; content: string }[]
    finish_reason: string
    model: string
    usage: Usage | undefined
  }
}

/** Asks the model of the run. Throws what asking throws. */
export const sample = async (source: SampledSource, { item }: Row, deps: SampleDeps): Promise<Sampled> => {
  const messages = messagesOf(source, item)
  const { sampling_params: params } = source
  const given = deps.answer({
    id: uuidv7(),
    startedAtMs: deps.clock(),
    elapsedMs: stopwatch(),
    route: source.model,
    subject: null,
    pin: null,
    principal: deps.principal,
    metadata: { eval_run: deps.runId },
    purpose: 'eval',
    signal: deps.signal,
    endpoint: 'chat',
    stream: false,
    prompt: null,
    variables: null,
    chat: {
      input: { kind: 'chat', messages },
      sampling: { temperature: params.temperature, topP: params.top_p, seed: params.seed, maxTokens: params.max_completion_tokens },
      tools: 'tools' in params ? params.tools?.map(({ function: tool }) => ({ ...tool, strict: tool.strict ?? undefined })) : undefined,
      responseFormat: formatOf(source),
      incremental: false,
      cache: { mode: 'off' },
    },
  })
  for await (const _ of given.events);
  const [choice] = given.choices
  const model = given.trace.upstreamModel ?? given.trace.model ?? source.model
  if (given.usage) deps.used(source.model, given.usage)
  const text = choice?.text ?? ''
  const tools = (choice?.toolCalls ?? []).map(({ id, name, arguments: json }) => ({
    id,
    type: 'function',
    function: { name, arguments: json },
  }))
  const finish = choice?.finishReason ?? 'stop'
  return {
    namespace: { output_text: text, ...parsed(text), output_tools: tools, model, finish_reason: finish },
    told: {
      input: messages.map(({ role, content }) => ({ role, content: String(content ?? '') })),
      output: [{ role: 'assistant', content: text }],
      finish_reason: finish,
      model,
      usage: given.usage,
    },
  }
}

const spoken = z.array(
  z
    .object({ role: z.enum(['user', 'assistant', 'system', 'developer']), content: z.string() })
    .transform((message): ChatMessage => message),
)

const messagesOf = ({ input_messages: input }: SampledSource, item: Row['item']): ChatMessage[] => {
  if (input.type === 'template') return fillMessages(input.template, { item })
  const found = input.item_reference
    .split('.')
    .slice(1)
    .reduce<unknown>(
      (at, key) => (at !== null && typeof at === 'object' && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined),
      item,
    )
  const messages = spoken.min(1).safeParse(found)
  if (messages.success) return messages.data
  throw new AppError('invalid_request', `${input.item_reference} is no list of messages with a role and a text`)
}

const formatOf = (source: SampledSource): ResponseFormat | undefined => {
  const { sampling_params: params } = source
  const asked = 'response_format' in params ? params.response_format : 'text' in params ? params.text?.format : undefined
  switch (asked?.type) {
    case undefined:
      return undefined
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json-object' }
    case 'json_schema': {
      const { name, description, schema, strict } = 'json_schema' in asked ? asked.json_schema : asked
      return { type: 'json-schema', name, description, schema, strict: strict ?? false }
    }
  }
}

const parsed = (text: string): { output_json?: unknown } => {
  try {
    return { output_json: JSON.parse(text) }
  } catch {
    return {}
  }
}
