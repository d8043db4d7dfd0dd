import { AppError } from '../lib/errors.ts'
import type { Classifier } from '../models/classifier.ts'
import type { RouteTable, Variant } from '../rollout/route.ts'
import type { RecordTrace } from '../traces/trace.ts'
import type { Admission, Admit } from './admit.ts'
import { noteFailure } from './failure.ts'
import { type Cost, noteUsage, noteVariant, openTrace } from './open-trace.ts'
import { pickVariant } from './pick-variant.ts'
import type { ClassificationAnswer, ClassificationRequest } from './request.ts'

export type ClassifyDeps = {
  routes: () => RouteTable
  classifierOf: (variant: Variant) => Classifier | undefined
  record: RecordTrace
  cost: Cost
  admit?: Admit | undefined
  keepPayload: () => boolean
}

/** Labels for the texts of a request. Leaves one trace, like an answer does. */
export const createClassify =
  ({ routes, classifierOf, record, cost, admit, keepPayload }: ClassifyDeps) =>
  async (request: ClassificationRequest): Promise<ClassificationAnswer> => {
    const trace = openTrace(request, 'classification', false)
    const { texts, signal } = request
    let admission: Admission | undefined
    let results: ClassificationAnswer['results'] | undefined
    try {
      const { variant, arm } = pickVariant(routes(), request)
      noteVariant(trace, variant, arm)
      const classifier = classifierOf(variant)
      if (classifier === undefined) throw new AppError('model_not_found', `'${variant.model}' is not a classifier`, { param: 'model' })
      const characters = texts.reduce((sum, text) => sum + text.length, 0)
      admission = await admit?.({ request, variant, estimate: () => ({ prompt: Math.ceil(characters / 4), completion: 0 }) })
      const start = request.elapsedMs()
      const classified = await classifier.classify({ texts, signal })
      trace.upstreamMs = request.elapsedMs() - start
      trace.attempts = 1
      results = classified.results
      noteUsage(trace, { promptTokens: classified.tokens, completionTokens: 0, cachedTokens: 0 }, cost)
      trace.status = 'ok'
      trace.errorCode = null
      return { labels: classifier.labels, results, trace }
    } catch (error) {
      throw noteFailure(trace, error, signal)
    } finally {
      trace.latencyMs = request.elapsedMs()
      admission?.settle(trace)
      if (keepPayload()) trace.payload = { input: { texts }, output: results ?? null }
      record(trace)
    }
  }
