import { type Guarding, refusalEvents } from '../guardrails/guarding.ts'
import { AppError } from '../lib/errors.ts'
import type { ChatEvent, ChatModel, ChatRequest, FinishReason, Observation, Sampling } from '../models/chat-model.ts'
import type { RouteTable, Variant } from '../rollout/route.ts'
import type { RecordTrace, Trace } from '../traces/trace.ts'
import type { Admission, Admit } from './admit.ts'
import { instead } from './budget-fallback.ts'
import { checkCapabilities } from './capabilities.ts'
import { chooseVariant, type ProbabilityOf } from './choose-variant.ts'
import { estimateOf, imagesOf } from './estimate.ts'
import { noteFailure } from './failure.ts'
import { type Cost, noteObservation, noteUsage, noteVariant, openTrace } from './open-trace.ts'
import { type Prepare, type Prepared, type PreparedInput, prepareInput } from './prepare.ts'
import type { Answer, AnswerRequest } from './request.ts'
import { blankChoices, type Choice, write } from './transcript.ts'

export type AnswerDeps = {
  /** The routes of the configuration in force. */
  routes: () => RouteTable
  /** The variant's model with everything wrapped around it: limits, cache, fallback, retry. */
  modelOf: (variant: Variant) => ChatModel | undefined
  record: RecordTrace
  cost: Cost
  /** What classifiers say, for the rules of routes. */
  probabilityOf?: ProbabilityOf | undefined
  prepare?: Prepare | undefined
  admit?: Admit | undefined
  /** The guardrails of a route, for one request; undefined when it has none. */
  guard?: ((request: AnswerRequest) => Guarding | undefined) | undefined
  /** Hears of a request whose trace has been recorded. Must not wait. */
  ended?: ((request: AnswerRequest, trace: Readonly<Trace>) => void) | undefined
  /** Whether traces keep what was asked and answered. */
  keepPayload: () => boolean
}

/** The one use case: a request to a route, from its variant to its trace. Exactly one trace is recorded, whatever happens. */
export const createAnswer =
  ({ routes, modelOf, record, cost, probabilityOf = noClassifier, prepare, admit, guard, ended, keepPayload }: AnswerDeps) =>
  (request: AnswerRequest): Answer => {
    const trace = openTrace(request, request.endpoint, request.stream)
    const choices = blankChoices(request.chat.n ?? 1)
    let asked: ChatRequest | undefined
    let prepared: PreparedInput | undefined
    let admission: Admission | undefined

    const ask = async (): Promise<AsyncIterable<ChatEvent>> => {
      const { variant, arm, rule } = await chooseVariant(routes(), request, probabilityOf)
      noteVariant(trace, variant, arm)
      trace.rule = rule
      chatModel(modelOf(variant), variant)
      const guarding = guard?.(request)
      if (guarding) trace.guardrails = guarding.reports
      const heard = guarding ? await guarding.input({ input: request.chat.input, variables: request.variables }) : undefined
      if (heard && 'refusal' in heard) {
        trace.model = null
        return refusalEvents(heard.refusal, choices.length)
      }
      const allowed = heard ? { ...request, variables: heard.variables, chat: { ...request.chat, input: heard.input } } : request
      return begin(allowed, variant, guarding).catch(async (error) => {
        const cheaper = instead(error, allowed, routes())
        if (cheaper === undefined) throw error
        answer.budgetFallback = trace.route = cheaper.route
        trace.metadata = cheaper.metadata
        const choice = await chooseVariant(routes(), cheaper, probabilityOf)
        noteVariant(trace, choice.variant, choice.arm)
        trace.rule = choice.rule
        return begin(cheaper, choice.variant, guarding)
      })
    }

    const begin = async (allowed: AnswerRequest, variant: Variant, guarding: Guarding | undefined): Promise<AsyncIterable<ChatEvent>> => {
      const model = chatModel(modelOf(variant), variant)
      prepared = await prepareInput(prepare, variant, allowed)
      asked = toChatRequest(allowed, variant, prepared, (observation) => {
        if (observation.type === 'cache') noteCache(observation)
        noteObservation(trace, observation)
      })
      checkCapabilities(model, asked)
      if (prepared.reply === undefined) admission = await admit?.({ request: allowed, variant, estimate: estimateOf(asked) })
      else trace.model = null
      const events = prepared.reply === undefined ? model.stream(asked) : replyEvents(prepared.reply, choices.length)
      const revised = prepared.revise?.(events) ?? events
      return guarding?.output(revised, choices.length) ?? revised
    }

    const noteCache = ({ ageS, similarity }: Extract<Observation, { type: 'cache' }>): void => {
      answer.cacheAgeS = ageS
      answer.cacheSimilarity = similarity
      if (similarity !== undefined) trace.metadata = { ...trace.metadata, cache_similarity: similarity.toFixed(4) }
    }

    const see = (event: ChatEvent): void => {
      write(choices, event)
      if (event.type === 'usage') answer.usage = event.usage
      else if (event.type === 'finish') noteFinish(trace, choices[event.choice], event.reason, prepared?.annotate)
      else trace.firstTokenMs ??= request.elapsedMs()
    }

    const events = async function* (): AsyncGenerator<ChatEvent, void, undefined> {
      try {
        for await (const event of await ask()) {
          see(event)
          yield event
        }
        requireFinished(choices, request.signal)
        trace.status = 'ok'
        trace.errorCode = null
      } catch (error) {
        throw noteFailure(trace, error, request.signal)
      } finally {
        trace.latencyMs = request.elapsedMs()
        if (answer.usage) noteUsage(trace, answer.usage, cost, asked ? imagesOf(asked.input) : 0)
        admission?.settle(trace)
        if (keepPayload()) trace.payload = payloadOf(asked ?? request.chat, choices, prepared)
        record(trace)
        ended?.(request, trace)
      }
    }
    const answer: { -readonly [Key in keyof Answer]: Answer[Key] } & { trace: Trace } = {
      events: events(),
      choices,
      usage: undefined,
      cacheAgeS: undefined,
      budgetFallback: undefined,
      trace,
    }
    return answer
  }

const noClassifier: ProbabilityOf = async () => null

const chatModel = (model: ChatModel | undefined, variant: Variant): ChatModel => {
  if (model !== undefined) return model
  throw new AppError('model_not_found', `'${variant.model}' does not answer conversations or completions`, { param: 'model' })
}

/** The request under its owner's name. What the client left open the variant decides, and then the prompt. */
const toChatRequest = (request: AnswerRequest, variant: Variant, prepared: PreparedInput, observe: ChatRequest['observe']): ChatRequest => {
  const { chat, principal, id, signal } = request
  return {
    ...chat,
    input: prepared.input,
    sampling: merged(prepared.sampling, variant.defaults, chat.sampling),
    tools: chat.tools ?? prepared.tools,
    responseFormat: prepared.oneOf ?? chat.responseFormat ?? prepared.responseFormat,
    tenant: principal.tenant,
    requestId: id,
    signal,
    observe,
  }
}

/** Later sets win; what is undefined in one leaves an earlier one in force. */
const merged = (...sets: (Sampling | undefined)[]): Sampling => {
  const all: Sampling = {}
  for (const set of sets) {
    if (set === undefined) continue
    for (const name of Object.keys(set) as (keyof Sampling)[]) if (set[name] !== undefined) Object.assign(all, { [name]: set[name] })
  }
  return all
}

const noteFinish = (trace: Trace, choice: Choice | undefined, reason: FinishReason, annotate: Prepared['annotate']): void => {
  trace.finishReason ??= reason
  if (annotate && choice) choice.annotations = annotate(choice.text)
}

/** An answer that needed no model, told as a model would. */
const replyEvents = async function* (reply: string, choices: number): AsyncGenerator<ChatEvent> {
  for (let choice = 0; choice < choices; choice += 1) {
    yield { type: 'text-delta', choice, text: reply }
    yield { type: 'finish', choice, reason: 'stop' }
  }
  yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0 } }
}

/** A model that stops early without saying so has failed, unless it was told to stop. */
const requireFinished = (choices: readonly Choice[], signal: AbortSignal): void => {
  if (choices.every((choice) => choice.finishReason !== null)) return
  signal.throwIfAborted()
  throw new AppError('upstream_failed', 'the model stopped before it finished its answer')
}

const payloadOf = (asked: AnswerRequest['chat'], choices: readonly Choice[], prepared: PreparedInput | undefined): Trace['payload'] => ({
  input: {
    ...asked.input,
    sampling: asked.sampling,
    tools: asked.tools,
    toolChoice: asked.toolChoice,
    // Sentences to choose from are those of the passages below.
    responseFormat: prepared?.oneOf ? undefined : asked.responseFormat,
    n: asked.n,
  },
  output: choices,
  ...(prepared?.passages === undefined ? {} : { passages: prepared.passages }),
  ...(prepared?.said === undefined ? {} : { said: prepared.said }),
})
