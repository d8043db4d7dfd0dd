import { AppError } from '../lib/errors.ts'
import type { ChatModel, ChatRequest } from '../models/chat-model.ts'
import { requireSupport } from '../models/supports.ts'

/** Throws a 400 that names the first parameter the model cannot honour: nothing a client asks for is silently ignored. */
export const checkCapabilities = (model: ChatModel, request: ChatRequest): void => {
  requireSupport(model, request)
  const { contextTokens } = model.capabilities
  if (contextTokens !== undefined && (request.sampling.maxTokens ?? 0) > contextTokens) {
    throw new AppError('invalid_request', `max_tokens is larger than the model's context of ${contextTokens} tokens`, {
      param: 'max_tokens',
    })
  }
}
