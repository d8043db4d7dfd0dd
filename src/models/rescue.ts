import type { ChatModel } from './chat-model.ts'
import { fallback } from './fallback.ts'
import { unsupportedParameter } from './supports.ts'

/**
 * A model on trial, with one that is known to work behind it: whoever meets a failure of the first before its first token is answered by the
 * second. Every such answer is told as a fallback, also where the first was passed over because it cannot do what was asked.
 */
export const rescue = (tried: ChatModel, trusted: ChatModel): ChatModel => {
  const both = fallback([tried, trusted])
  return {
    id: tried.id,
    get capabilities() {
      return both.capabilities
    },
    stream: (request) => {
      if (unsupportedParameter(request, tried.capabilities) !== undefined) {
        request.observe?.({ type: 'fell-back', from: tried.id, to: trusted.id, code: 'unsupported_parameter' })
      }
      return both.stream(request)
    },
  }
}
