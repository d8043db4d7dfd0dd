import { type Checks, createChecks } from '../cache/semantic/checks.ts'
import { createNeighbours } from '../cache/semantic/neighbours.ts'
import { createSemantic, type Semantic } from '../cache/semantic/semantic.ts'
import type { CacheStore } from '../cache/store.ts'
import type { RouteConfig } from '../config/schema.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import type { Embedder } from '../models/embedder.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export type SemanticCache = {
  checks: Checks
  /** For one variant of a route whose cache asks for it; `variantHash` is where its answers are kept. */
  of(at: { store: CacheStore; route: string; variant: string; variantHash: string; cache: RouteConfig['cache'] }): Semantic | undefined
  close(): Promise<void>
}

export type SemanticCacheDeps = {
  db: Database
  clock: Clock
  memoryBytes: number
  embedderOf: (model: string) => Embedder | undefined
  metrics: Pick<Metrics, 'gauge'>
  log: Logger
}

/** What the semantic caches of all routes share: the questions in memory, and the counts of what became of their hits. */
export const createSemanticCache = ({ db, clock, memoryBytes, embedderOf, metrics, log }: SemanticCacheDeps): SemanticCache => {
  const neighbours = createNeighbours({ maxBytes: memoryBytes })
  const checks = createChecks({
    db,
    clock,
    onDisabled: ({ route, variant, checked, wrong }) =>
      log.error({ route, variant, checked, wrong }, 'the semantic cache is switched off: too many of its checked hits were wrong'),
    onError: (error) => log.warn({ err: error }, 'what became of semantic hits will be told later'),
  })
  metrics.gauge('weir_semantic_cache_hits', 'Answers given to a question in other words since start.', () => checks.totals().hits)
  metrics.gauge('weir_semantic_cache_checked', 'Of them, asked of the model all the same.', () => checks.totals().checked)
  metrics.gauge('weir_semantic_cache_wrong', 'Of those checked, answered otherwise by the model.', () => checks.totals().wrong)
  metrics.gauge('weir_semantic_cache_disabled', 'Variants whose semantic cache is switched off.', () => checks.totals().disabled)

  return {
    checks,
    of: ({ store, route, variant, variantHash, cache }) => {
      const settings = cache?.semantic
      if (settings === undefined) return undefined
      return createSemantic({
        store,
        neighbours,
        checks,
        watched: { variantHash, route, variant, maxWrong: settings.max_wrong_percent / 100, minChecks: settings.min_checks },
        settings: {
          minSimilarity: settings.min_similarity,
          waitMs: settings.wait_ms,
          checkShare: settings.check_percent / 100,
          minAnswerSimilarity: settings.min_answer_similarity,
        },
        embedder: () => embedderOf(settings.embedding),
      })
    },
    close: checks.close,
  }
}
