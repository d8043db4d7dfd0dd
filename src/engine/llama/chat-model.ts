import { randomInt } from 'node:crypto'
import { AppError } from '../../lib/errors.ts'
import type { ChatCapabilities, ChatEvent, ChatModel, ChatRequest, OneOf, Tool } from '../../models/chat-model.ts'
import { structuredOutput } from '../../models/structured-output.ts'
import { requireSupport } from '../../models/supports.ts'
import { eventQueue } from '../event-queue.ts'
import { type CallTarget, objectGrammar, schemaGrammar, toolCallGrammar } from '../json-schema/grammar.ts'
import type { Supervisor } from '../supervisor.ts'
import type { ChatParams, ChildChatEvent, LoadSpec } from './params.ts'
import { callEnd, callStart } from './tool-calls.ts'

/** A GGUF model behind the chat port. What can be refused without the model is refused here, before the child hears of it. */
export const createLocalChatModel = (supervisor: Supervisor, spec: LoadSpec): ChatModel => {
  const model: ChatModel = {
    id: spec.id,
    capabilities: capabilitiesOf(spec),
    async *stream(request) {
      requireSupport(model, request)
      yield* callChild(supervisor, toParams(spec, request), request)
    },
  }
  // A grammar makes answers valid by construction; this is for what it cannot say, such as that only one of `oneOf` holds.
  return structuredOutput(model)
}

const capabilitiesOf = ({ contextTokens }: LoadSpec): ChatCapabilities => ({
  contextTokens,
  tools: true,
  jsonSchema: true,
  jsonObject: true,
  oneOf: true,
  logprobs: true,
  choices: 16,
  seed: true,
  penalties: true,
  logitBias: true,
  images: false,
  // Whether a model has tokens for a suffix is known when it is loaded; one that has none refuses then.
  completion: { echo: true, suffix: true },
})

async function* callChild(supervisor: Supervisor, params: ChatParams, request: ChatRequest): AsyncGenerator<ChatEvent> {
  const left = new AbortController()
  const signal = AbortSignal.any([request.signal, left.signal])
  const queue = eventQueue<ChatEvent>()
  const startedAtMs = performance.now()
  let queuedMs = 0
  request.observe?.({ type: 'served-by', modelId: params.model.id, upstreamModel: undefined })
  const onEvent = (event: unknown) => {
    const known = event as ChildChatEvent
    if (known.type !== 'queued') return queue.push(known)
    queuedMs = known.ms
    request.observe?.(known)
  }
  supervisor.call('chat', params, { signal, onEvent }).then(queue.end, queue.fail)
  try {
    yield* queue.events
    request.observe?.({ type: 'upstream', ms: performance.now() - startedAtMs - queuedMs })
  } finally {
    // A consumer that stops reading has gone: its sequence is wanted by others.
    left.abort(new AppError('aborted', 'the caller stopped reading'))
  }
}

const toParams = (spec: LoadSpec, request: ChatRequest): ChatParams => {
  const { sampling } = request
  const tools = request.toolChoice === 'none' || !request.tools?.length ? undefined : request.tools
  checkBias(sampling.logitBias)
  if (tools && sampling.topLogprobs !== undefined) {
    throw new AppError('unsupported_parameter', 'log probabilities of tool calls are not available from local models', {
      param: 'logprobs',
    })
  }
  if (request.input.kind === 'text' && request.input.echo && sampling.topLogprobs !== undefined) {
    throw new AppError('unsupported_parameter', 'log probabilities of an echoed prompt are not available from local models', {
      param: 'echo',
    })
  }
  return {
    model: spec,
    input: request.input,
    sampling,
    choices: request.n ?? 1,
    seed: sampling.seed === undefined ? randomInt(2 ** 32) : Number(BigInt.asUintN(32, BigInt(Math.trunc(sampling.seed)))),
    grammar: grammarFor(request, tools),
    oneOf: oneOfFor(request),
    tools,
    incremental: request.incremental,
    tenant: request.tenant,
  }
}

const grammarFor = ({ responseFormat, toolChoice }: ChatRequest, tools: Tool[] | undefined): string | undefined => {
  const forced =
    toolChoice === 'required' ? tools : typeof toolChoice === 'object' ? tools?.filter((tool) => tool.name === toolChoice.name) : undefined
  if (typeof toolChoice === 'object' && !forced?.length) {
    throw new AppError('invalid_request', `tool_choice names '${toolChoice.name}', which is not among the tools`, { param: 'tool_choice' })
  }
  if (toolChoice === 'required' && !forced)
    throw new AppError('invalid_request', 'tool_choice is required but there are no tools', { param: 'tool_choice' })
  if (forced) {
    const targets = forced.map((tool): CallTarget => {
      return { name: tool.name, parameters: tool.parameters, param: `tools.${tool.name}.parameters` }
    })
    return toolCallGrammar(targets, `${callStart}\n`, `\n${callEnd}`)
  }
  if (!responseFormat || responseFormat.type === 'text') return undefined
  if (tools) {
    throw new AppError('unsupported_parameter', 'local models cannot be free to call tools and bound to a response format at once', {
      param: 'response_format',
    })
  }
  switch (responseFormat.type) {
    case 'json-object':
      return objectGrammar()
    case 'json-schema':
      return schemaGrammar(responseFormat.schema, 'response_format.json_schema.schema')
    case 'one-of':
      return undefined
  }
}

const oneOfFor = ({ responseFormat, sampling }: ChatRequest): OneOf | undefined => {
  if (responseFormat?.type !== 'one-of') return undefined
  for (const [param, penalty] of [
    ['frequency_penalty', sampling.frequencyPenalty],
    ['presence_penalty', sampling.presencePenalty],
  ] as const) {
    if (penalty) throw new AppError('unsupported_parameter', `${param} has no meaning for an answer that is one of given texts`, { param })
  }
  return responseFormat
}

const checkBias = (logitBias: Record<string, number> | undefined): void => {
  for (const token of Object.keys(logitBias ?? {})) {
    if (!/^\d{1,9}$/.test(token)) throw new AppError('invalid_request', `logit_bias: '${token}' is not a token id`, { param: 'logit_bias' })
  }
}
