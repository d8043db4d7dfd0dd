import type { ChatRequest } from '../models/chat-model.ts'
import { estimateUsage } from '../models/providers/estimate.ts'
import type { TokenEstimate } from './admit.ts'

/** What a request will use, before it is known. */
export const estimateOf = (request: ChatRequest) => (): TokenEstimate => ({
  prompt: estimateUsage(request, 0).promptTokens,
  completion: request.sampling.maxTokens === undefined ? undefined : request.sampling.maxTokens * (request.n ?? 1),
  images: imagesOf(request.input),
})

/** Images that a conversation shows the model. */
export const imagesOf = (input: ChatRequest['input']): number => {
  if (input.kind === 'text') return 0
  let images = 0
  for (const { content } of input.messages) {
    if (Array.isArray(content)) for (const part of content) if (part.type === 'image') images += 1
  }
  return images
}
