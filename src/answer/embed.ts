import { AppError } from '../lib/errors.ts'
import type { Embedder } from '../models/embedder.ts'
import type { RouteTable, Variant } from '../rollout/route.ts'
import type { RecordTrace } from '../traces/trace.ts'
import type { Admission, Admit } from './admit.ts'
import { noteFailure } from './failure.ts'
import { type Cost, noteUsage, noteVariant, openTrace } from './open-trace.ts'
import { pickVariant } from './pick-variant.ts'
import type { EmbeddingAnswer, EmbeddingRequest } from './request.ts'

export type EmbedDeps = {
  routes: () => RouteTable
  embedderOf: (variant: Variant) => Embedder | undefined
  record: RecordTrace
  cost: Cost
  admit?: Admit | undefined
  keepPayload: () => boolean
}

/** Vectors for the texts of a request. Leaves one trace, like an answer does; vectors are never part of it. */
export const createEmbed =
  ({ routes, embedderOf, record, cost, admit, keepPayload }: EmbedDeps) =>
  async (request: EmbeddingRequest): Promise<EmbeddingAnswer> => {
    const trace = openTrace(request, 'embedding', false)
    const { texts, dimensions, signal, principal } = request
    let admission: Admission | undefined
    try {
      const { variant, arm } = pickVariant(routes(), request)
      noteVariant(trace, variant, arm)
      const embedder = embedderOf(variant)
      if (embedder === undefined) {
        throw new AppError('model_not_found', `'${variant.model}' does not make embeddings`, { param: 'model' })
      }
      const characters = texts.reduce((sum, text) => sum + text.length, 0)
      admission = await admit?.({ request, variant, estimate: () => ({ prompt: Math.ceil(characters / 4), completion: 0 }) })
      const start = request.elapsedMs()
      const { vectors, tokens } = await embedder.embed({ texts, dimensions, tenant: principal.tenant, requestId: request.id, signal })
      trace.upstreamMs = request.elapsedMs() - start
      trace.attempts = 1
      noteUsage(trace, { promptTokens: tokens, completionTokens: 0, cachedTokens: 0 }, cost)
      trace.status = 'ok'
      trace.errorCode = null
      return { vectors, trace }
    } catch (error) {
      throw noteFailure(trace, error, signal)
    } finally {
      trace.latencyMs = request.elapsedMs()
      admission?.settle(trace)
      if (keepPayload()) trace.payload = { input: { texts, dimensions }, output: null }
      record(trace)
    }
  }
