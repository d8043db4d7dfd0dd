import { AppError } from '../lib/errors.ts'
import type { ChatEvent, ChatMessage, ChatRequest, OneOf, ResponseFormat, Sampling, Tool } from '../models/chat-model.ts'
import type { Variant } from '../rollout/route.ts'
import type { AnswerRequest } from './request.ts'

/** Renders the variant's prompt and finds its passages: the door through which prompts and retrieval come in. */
export type Prepare = (variant: Variant, request: AnswerRequest) => Promise<Prepared>

export type Prepared = {
  /** Replace those of the request. */
  messages: ChatMessage[]
  /** The prompt's own parameters, tools and response format: used where neither the request nor the variant has any. */
  sampling?: Sampling | undefined
  tools?: Tool[] | undefined
  responseFormat?: ResponseFormat | undefined
  /** The only answers there may be, whatever else was asked for. */
  oneOf?: OneOf | undefined
  /** What was retrieved, kept with the payload of the trace. */
  passages?: unknown
  /** Answers in place of the model, such as when nothing relevant was found: no model is called and no tokens are used. */
  reply?: string | undefined
  /** Changes the answer on its way, such as taking out citations of passages that do not exist. Keeps the contract of `ChatModel.stream`. */
  revise?: ((events: AsyncIterable<ChatEvent>) => AsyncIterable<ChatEvent>) | undefined
  /** Makes a choice's annotations from its finished, revised text. */
  annotate?: ((text: string) => unknown[]) | undefined
}

/** What to ask the model: the request as it came, unless a prompt or retrieval has a hand in it. */
export type PreparedInput = Omit<Prepared, 'messages'> & { input: ChatRequest['input']; said?: Said | undefined }

/** What the client said, where something else was made of it for the model. */
export type Said = { messages: ChatMessage[]; variables: AnswerRequest['variables'] }

export const prepareInput = async (prepare: Prepare | undefined, variant: Variant, request: AnswerRequest): Promise<PreparedInput> => {
  const { input } = request.chat
  if (!isPrepared(variant, request)) {
    if (request.variables !== null) refuse('weir.prompt.variables', 'there is no prompt to put variables into')
    return { input }
  }
  if (prepare === undefined) return refuse('weir.prompt', 'this server has no prompts')
  if (input.kind === 'text') return refuse('model', `'${request.route}' answers conversations only: use /v1/chat/completions`)
  const { messages, ...rest } = await prepare(variant, request)
  const changed = messages !== input.messages || request.variables !== null
  const said = changed ? { messages: input.messages, variables: request.variables } : undefined
  return { ...rest, input: { kind: 'chat', messages }, said }
}

const isPrepared = (variant: Variant, request: AnswerRequest): boolean =>
  variant.prompt !== undefined || variant.retrieval !== undefined || request.prompt !== null

const refuse = (param: string, message: string): never => {
  throw new AppError('unsupported_parameter', message, { param })
}
