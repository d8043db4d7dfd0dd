import { hashOf } from '../lib/hash.ts'
import type { ChatRequest } from '../models/chat-model.ts'
import type { CacheKey } from './store.ts'

/**
 * Everything that decides an answer. Who asks within a tenant (`user`), the request's id, and whether the answer is streamed do not; so
 * two users of a tenant who ask the same get the same. `namespace` keeps apart what should differ all the same, such as repeats.
 */
export const cacheKey = (request: ChatRequest, variantHash: string): CacheKey => ({
  tenant: request.tenant,
  variantHash,
  digest: digestOf(request, request.input),
})

/** sha256 of what decides an answer besides tenant and variant, with `input` for what is asked. */
export const digestOf = (request: ChatRequest, input: unknown): string =>
  hashOf({
    input,
    sampling: request.sampling,
    tools: request.tools,
    toolChoice: request.toolChoice,
    parallelToolCalls: request.parallelToolCalls,
    responseFormat: request.responseFormat,
    n: request.n ?? 1,
    namespace: request.cache?.namespace,
  })
