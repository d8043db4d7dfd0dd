import { type Cost, noteObservation, noteUsage, noteVariant, openTrace } from '../answer/open-trace.ts'
import { cached } from '../cache/cached.ts'
import type { Landing } from '../cache/flight.ts'
import { memoryStore } from '../cache/memory.ts'
import { cacheDropChannel, postgresStore } from '../cache/postgres.ts'
import { redisStore } from '../cache/redis.ts'
import type { CacheStore } from '../cache/store.ts'
import { tieredStore } from '../cache/tiered.ts'
import type { WeirConfig } from '../config/schema.ts'
import { appendAuditEvent } from '../db/audit.ts'
import type { Database, Listen } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import type { DropCache } from '../http/admin/cache.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError, toAppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import { around as aroundModel } from '../models/wrap.ts'
import type { RouteTable } from '../rollout/route.ts'
import type { RecordTrace, Trace } from '../traces/trace.ts'
import type { AroundVariant } from './routes.ts'
import type { SemanticCache } from './semantic-cache.ts'

export type Cache = {
  around: AroundVariant
  /** Forgets every answer of a variant, on every replica; semantic hits are counted anew, and allowed again. */
  drop(variantHash: string): Promise<void>
  readonly memoryBytes: number
  close(): Promise<void>
}

export type CacheDeps = {
  db: Database
  listen: Listen
  clock: Clock
  settings: WeirConfig['cache']
  memoryBytes: number
  semantic: SemanticCache
  record: RecordTrace
  cost: Cost
  /** Hears of calls that were made behind an answer's back: somebody pays for them. */
  charge: (trace: Trace) => void
  onError: (error: unknown) => void
}

/** The cache of answers: memory in front of the database or Redis, with a trace for each call that only renewed a stale answer. */
export const createCache = async ({
  db,
  listen,
  clock,
  settings,
  memoryBytes,
  semantic,
  record,
  cost,
  charge,
  onError,
}: CacheDeps): Promise<Cache> => {
  const near = memoryStore({ maxBytes: memoryBytes, clock })
  const redis = settings.store === 'redis' ? redisStore({ ...settings, clock, onError }) : undefined
  const store = tieredStore({ near, far: redis ? announcing(redis, db) : postgresStore({ db, clock }), onError })
  const drops = new Set<Promise<void>>()
  const stopListening = await listen(cacheDropChannel, (variantHash) => {
    void near.drop(variantHash)
    if (redis === undefined) return
    // Rollouts announce a drop in the transaction of their move. Whoever hears of it drops: to do so twice does no harm.
    const drop = redis
      .drop(variantHash)
      .catch(onError)
      .finally(() => drops.delete(drop))
    drops.add(drop)
  })

  const around: AroundVariant = (model, { route, variant, cache, namespace }) => {
    if (cache === undefined) {
      return aroundModel(model, (request) => {
        if (request.cache?.mode) request.observe?.({ type: 'cache', status: 'bypass' })
        return model.stream(request)
      })
    }
    const variantHash = namespace ?? variant.hash
    const settings = { ttlMs: cache.ttl_s * 1000, staleMs: cache.stale_s * 1000, requests: cache.requests }
    return cached({
      store,
      clock,
      variantHash,
      settings,
      semantic: semantic.of({ store, route, variant: variant.name, variantHash, cache }),
      refreshed: (request, landing, startedAtMs) => {
        const trace = openTrace(
          {
            id: uuidv7(),
            startedAtMs,
            elapsedMs: () => clock() - startedAtMs,
            route,
            subject: null,
            pin: null,
            principal: { keyId: null, tenant: request.tenant, scopes: [] },
            metadata: { cache_refresh_for: request.requestId },
            signal: request.signal,
          },
          request.input.kind === 'chat' ? 'chat' : 'completion',
          false,
        )
        noteVariant(trace, variant)
        noteLanding(trace, landing, cost)
        trace.latencyMs = clock() - startedAtMs
        charge(trace)
        record(trace)
      },
    })(model)
  }

  return {
    around,
    drop: async (variantHash) => {
      await semantic.checks.forget(variantHash)
      await store.drop(variantHash)
    },
    get memoryBytes() {
      return near.bytes
    },
    close: async () => {
      await stopListening()
      await store.close()
      await Promise.all(drops)
      redis?.close()
    },
  }
}

/** Redis has the answers, the database tells the other replicas of drops. */
const announcing = (redis: CacheStore, db: Database): CacheStore => ({
  get: redis.get,
  set: redis.set,
  drop: async (variantHash) => {
    await notify(db, cacheDropChannel, variantHash)
    await redis.drop(variantHash)
  },
})

/** Drops are admin actions: each leaves an audit event first, so that one that failed half-way is known too. */
export const createDropCache =
  ({ db, clock, routes, cache }: { db: Database; clock: Clock; routes: () => RouteTable; cache: Cache }): DropCache =>
  async ({ route, variant }, { actor, reason }) => {
    const found = routes().get(route)
    const variants = found?.variants.filter(({ name }) => variant === undefined || name === variant) ?? []
    if (variants.length === 0) throw new AppError('not_found', `there is no ${variant === undefined ? route : `${route}/${variant}`}`)
    for (const { name, hash } of variants) {
      await appendAuditEvent(db, {
        atMs: clock(),
        actor,
        action: 'cache.drop',
        target: `variant/${route}/${name}`,
        beforeHash: hash,
        reason,
      })
      await cache.drop(hash)
    }
    return variants.map(({ name, hash }) => ({ name, hash }))
  }

const noteLanding = (trace: Parameters<RecordTrace>[0], { events, observations, error }: Landing, cost: Cost): void => {
  for (const observation of observations) noteObservation(trace, observation)
  trace.cache = 'miss'
  trace.status = error === undefined ? 'ok' : 'error'
  trace.errorCode = error === undefined ? null : toAppError(error).code
  for (const event of events) {
    if (event.type === 'finish') trace.finishReason ??= event.reason
    if (event.type === 'usage') noteUsage(trace, event.usage, cost)
  }
}
