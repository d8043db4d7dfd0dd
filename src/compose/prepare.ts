import type { Prepare, Prepared } from '../answer/prepare.ts'
import type { AnswerRequest } from '../answer/request.ts'
import { AppError } from '../lib/errors.ts'
import type { ChatMessage } from '../models/chat-model.ts'
import type { Embedder } from '../models/embedder.ts'
import type { PromptTable } from '../prompts/table.ts'
import { annotateCitations, reviseCitations } from '../retrieval/citations.ts'
import { closeExtractsOf, extractsOf, prefersNone } from '../retrieval/extracts.ts'
import { fencedQuestion } from '../retrieval/fence.ts'
import { quote } from '../retrieval/quote.ts'
import type { Retrieval } from '../retrieval/retrieval.ts'
import { nothingFound, type Retrieved } from '../retrieval/retrieve.ts'
import type { PromptChoice, RetrievalChoice, Variant } from '../rollout/route.ts'

export type PrepareDeps = {
  prompts: PromptTable
  retrieval: Retrieval
  embedderOf: (version: string) => Embedder | undefined
  /** A declared collection whose sources are being read for the first time: that it holds nothing says nothing yet. */
  isUnread: (collection: string) => boolean
}

/**
 * Joins prompts and retrieval to the answer. The last user message is the question: it is what retrieval searches for, and a prompt of a
 * route with retrieval receives it as `question` beside `passages`. Everything said before is the prompt's history.
 */
export const createPrepare =
  ({ prompts, retrieval, embedderOf, isUnread }: PrepareDeps): Prepare =>
  async (variant, request) => {
    const messages = request.chat.input.kind === 'chat' ? request.chat.input.messages : []
    const choice = request.prompt ?? variant.prompt
    if (!variant.retrieval) return choice ? render(prompts, choice, request, messages, {}) : { messages }

    if (variant.retrieval.answer === 'extract') requirePlain(request)
    const { question, earlier } = splitQuestion(messages)
    const { collection } = variant.retrieval
    const unread = isUnread(collection)
    const found = await look(retrieval, variant.retrieval, question, request).catch((error) => {
      throw unread && error instanceof AppError && error.code === 'not_found' ? stillReading(collection) : error
    })
    const reply = (text: string | undefined) => {
      if (text === undefined && unread) throw stillReading(collection)
      return text ?? nothingFound
    }
    if (found.passages.length === 0) return { messages, passages: record(found), reply: reply(undefined) }
    const { answer, closenessWeight = 0 } = variant.retrieval
    const embedder = embedderOf(found.embeddingVersion)
    const closeness = embedder && {
      ...{ question, passages: found.passages, embedder },
      ...{ tenant: request.principal.tenant, requestId: request.id, signal: request.signal },
    }
    if (answer === 'quote' && closeness) {
      const quoted = await quote(closeness)
      return { messages, passages: record(found), reply: reply(quoted), annotate: annotateCitations(found.passages) }
    }
    const weighed = closenessWeight > 0 ? closeness : undefined
    const oneOf =
      answer === 'extract' ? await (weighed ? closeExtractsOf(weighed, closenessWeight) : extractsOf(found.passages)) : undefined
    // What no document answers that was read so far may stand in one that is still to be read.
    if (unread && oneOf && prefersNone(oneOf)) throw stillReading(collection)
    const prepared: Prepared = choice
      ? await render(prompts, choice, request, earlier, { question, passages: found.fencedText })
      : { messages: [...earlier, { role: 'user', content: fencedQuestion(found.fencedText, question) }] }
    return {
      ...prepared,
      oneOf,
      passages: record(found),
      revise: reviseCitations(found.passages),
      annotate: annotateCitations(found.passages),
    }
  }

/** Which version a label means now, for the variant hash; null while it means none. */
export const promptClosure =
  (prompts: PromptTable) =>
  (choice: NonNullable<Variant['prompt']>): string | null => {
    try {
      return prompts.get(toReference(choice))?.prompt.closureHash ?? null
    } catch {
      return null // no such prompt or label yet: requests to the variant say so
    }
  }

const render = async (
  prompts: PromptTable,
  choice: PromptChoice,
  request: AnswerRequest,
  history: ChatMessage[],
  found: Record<string, unknown>,
): Promise<Prepared> => {
  const rendered = await prompts.render(toReference(choice), { variables: { ...request.variables, ...found }, history })
  const { messages, sampling, tools, responseFormat } = rendered
  return { messages, sampling, tools: tools.length > 0 ? tools : undefined, responseFormat }
}

/** A prompt as routes and requests name it, as the prompt table knows it. */
export const toReference = ({ name, label, version }: PromptChoice) => {
  if (version === undefined) return { name, label }
  if (!/^[1-9]\d{0,8}$/.test(version)) {
    throw new AppError('invalid_request', `'${version}' is not a version of a prompt: versions are whole numbers`, {
      param: 'weir.prompt.version',
    })
  }
  return { name, version: Number(version) }
}

const splitQuestion = (messages: ChatMessage[]): { question: string; earlier: ChatMessage[] } => {
  const last = messages.at(-1)
  if (last?.role !== 'user') throw new AppError('invalid_request', 'the last message must be the user’s question', { param: 'messages' })
  const question =
    typeof last.content === 'string' ? last.content : last.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
  return { question, earlier: messages.slice(0, -1) }
}

/** A sentence of a document is no JSON and calls no tool. */
const requirePlain = ({ route, chat }: AnswerRequest): void => {
  const wanted = chat.responseFormat?.type ?? 'text'
  const param = chat.tools?.length ? 'tools' : wanted === 'text' ? null : wanted === 'one-of' ? 'structured_outputs' : 'response_format'
  if (param === null) return
  throw new AppError('unsupported_parameter', `'${route}' answers with sentences of its documents and nothing else`, { param })
}

const look = (retrieval: Retrieval, choice: RetrievalChoice, query: string, request: AnswerRequest): Promise<Retrieved> =>
  retrieval.retrieve({ ...choice, query, tenant: request.principal.tenant, requestId: request.id, signal: request.signal })

/** The sources of a first start take seconds: clients that honour `retry-after`, as OpenAI's do, get their answer with the next attempt. */
const stillReading = (collection: string): AppError =>
  new AppError('unavailable', `the documents of collection '${collection}' are still being read: try again in a moment`, {
    retryAfterMs: 1_000,
  })

/** What the trace keeps. */
const record = (found: Retrieved) => ({ passages: found.passages, timings: found.timings, index: found.indexId })
