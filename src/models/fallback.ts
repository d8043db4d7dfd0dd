import { AppError, isRetryable, toAppError } from '../lib/errors.ts'
import type { ChatModel, ChatRequest } from './chat-model.ts'
import { type Begun, begin, untilFirst } from './first-event.ts'
import { anyOf, requireSupport, unsupportedParameter } from './supports.ts'

/**
 * Tries each model in turn, but only until the first event: after that the caller has seen text. A model that cannot do what the
 * request asks is passed over; when none can, the error is the first model's.
 */
export const fallback = (models: readonly [ChatModel, ...ChatModel[]], id: string = models[0].id): ChatModel => ({
  id,
  get capabilities() {
    return anyOf(models.map((model) => model.capabilities))
  },
  stream: (request) =>
    untilFirst(async () => {
      const able = models.filter((model) => unsupportedParameter(request, model.capabilities) === undefined)
      const [first, ...others] = able
      if (first !== undefined) return firstThatBegins(request, first, others)
      requireSupport(models[0], request)
      throw new RangeError('a model can do all or some parameter is named')
    }),
})

const firstThatBegins = async (request: ChatRequest, model: ChatModel, [next, ...others]: ChatModel[]): Promise<Begun> => {
  try {
    return await begin(model.stream(request))
  } catch (error) {
    if (next === undefined || request.signal.aborted || !mayHelp(next, error, model)) throw error
    request.observe?.({ type: 'fell-back', from: model.id, to: next.id, code: toAppError(error).code })
    return firstThatBegins(request, next, others)
  }
}

/**
 * Whether another model may succeed where one failed. Wider than another attempt at the same model: a host that refuses our key, or
 * whose context is too small, fails every time, yet the next one may not.
 */
const mayHelp = (next: ChatModel, error: unknown, failed: ChatModel): boolean => {
  if (isRetryable(error)) return true
  if (!(error instanceof AppError)) return false
  if (error.code === 'upstream_rejected') return true
  return error.code === 'context_length_exceeded' && contextTokens(next) > contextTokens(failed)
}

const contextTokens = (model: ChatModel) => model.capabilities.contextTokens ?? Number.POSITIVE_INFINITY
