import type { Clock } from '../lib/clock.ts'
import type { ChatEvent, ChatRequest } from '../models/chat-model.ts'
import { around, type Wrapper } from '../models/wrap.ts'
import { type Flight, type Landing, startFlight } from './flight.ts'
import { cacheKey } from './key.ts'
import { type CachePlan, type CacheSettings, freshness, planCache } from './plan.ts'
import type { Found, Semantic } from './semantic/semantic.ts'
import type { CacheEntry, CacheKey, CacheStore } from './store.ts'
import { completeAnswer } from './transcript.ts'

export type CachedOptions = {
  store: CacheStore
  clock: Clock
  /** Of the variant that the model serves. */
  variantHash: string
  settings: CacheSettings
  /** Finds answers to the same question in other words. */
  semantic?: Semantic | undefined
  /** Told of calls that no request waited for: they were made to replace a stale answer, and have a cost. */
  refreshed?: ((request: ChatRequest, landing: Landing, startedAtMs: number) => void) | undefined
}

/**
 * Gives the same answer to the same request of the same tenant and variant while it is fresh, and lets requests that come together share
 * one call. Only complete answers are kept. A stale one may be given while a new one is made.
 */
export const cached =
  ({ store, clock, variantHash, settings, semantic, refreshed }: CachedOptions): Wrapper =>
  (model) => {
    let checking = 0
    const flights = new Map<string, Flight>()
    const lookups = new Map<string, Promise<CacheEntry | undefined>>()
    const searches = new Map<string, Promise<Found | undefined>>()

    const keep = (key: CacheKey, request: ChatRequest, landing: Landing) => {
      const answer = completeAnswer(landing, request.n ?? 1, model.id)
      if (answer === undefined) return
      const storedAtMs = clock()
      const expiresAtMs = storedAtMs + settings.ttlMs + settings.staleMs
      void store.set(key, { ...answer, storedAtMs, expiresAtMs }).catch(() => {})
      semantic?.add(request, key)
    }

    const call = (key: CacheKey, request: ChatRequest, shared: boolean, unattended: boolean): Flight => {
      const place = placeOf(key)
      const startedAtMs = clock()
      const flight = startFlight(model, request, {
        unattended,
        landed: (landing) => {
          keep(key, request, landing)
          if (flights.get(place) === flight) flights.delete(place)
          if (unattended) refreshed?.(request, landing, startedAtMs)
        },
      })
      if (shared) flights.set(place, flight)
      return flight
    }

    const refresh = (key: CacheKey, request: ChatRequest) => {
      if (!flights.has(placeOf(key))) call(key, { ...request, incremental: false, observe: undefined }, true, true)
    }

    /** Shared by requests that come together, so that all of them know before the first one's call can have ended. */
    const lookUp = (key: CacheKey): Promise<CacheEntry | undefined> => {
      const place = placeOf(key)
      const running = lookups.get(place)
      if (running !== undefined) return running
      const lookup = store.get(key).finally(() => lookups.delete(place))
      lookups.set(place, lookup)
      return lookup
    }

    /** Shared as well, and never in place of a call for the very same request that is under way. */
    const search = async (key: CacheKey, plan: CachePlan, request: ChatRequest): Promise<Found | undefined> => {
      const place = placeOf(key)
      if (semantic === undefined || request.cache?.semantic === false || flights.has(place)) return undefined
      let running = searches.get(place)
      if (running === undefined) {
        running = semantic.find(request, key).finally(() => searches.delete(place))
        searches.set(place, running)
      }
      const found = await running
      return found && freshness(found.entry, plan, settings, clock()) === 'fresh' ? found : undefined
    }

    /** Asks the model what a semantic hit was given for, and keeps the answer: from then on the question has its own. */
    const check = (key: CacheKey, request: ChatRequest, { entry }: Found) => {
      if (semantic === undefined || flights.has(placeOf(key)) || checking >= maxChecking) return
      checking += 1
      const unattended = { ...request, incremental: false, observe: undefined }
      const flight = call(key, unattended, true, true)
      void flight.ended
        .then(({ events, error }) => (error === undefined ? semantic.check(entry.events, events, unattended) : undefined))
        .catch(() => {})
        .finally(() => {
          checking -= 1
        })
    }

    const find = async (key: CacheKey, plan: CachePlan) => {
      const entry = await lookUp(key)
      if (entry === undefined) return undefined
      const age = freshness(entry, plan, settings, clock())
      return age === 'gone' ? undefined : { entry, age }
    }

    return around(model, async function* (request) {
      const plan = planCache(request, settings)
      if (plan === undefined) {
        request.observe?.({ type: 'cache', status: 'bypass' })
        yield* model.stream(request)
        return
      }
      const key = cacheKey(request, variantHash)
      const found = plan.read ? await find(key, plan) : undefined
      if (found !== undefined) {
        if (found.age === 'stale' && plan.write) refresh(key, request)
        yield* replay(found.entry, found.age, request, clock())
        return
      }
      const similar = plan.read ? await search(key, plan, request) : undefined
      if (similar !== undefined) {
        if (semantic?.isToCheck() && plan.write) check(key, request, similar)
        yield* replay(similar.entry, 'fresh', request, clock(), similar.similarity)
      } else if (!plan.write) {
        request.observe?.({ type: 'cache', status: 'miss' })
        yield* model.stream(request)
      } else {
        const flight = plan.read ? (flights.get(placeOf(key)) ?? call(key, request, true, false)) : call(key, request, false, false)
        yield* flight.read(request)
      }
    })
  }

/** Checks of semantic hits at the same time; hits beyond them are not checked. */
const maxChecking = 4

const placeOf = ({ tenant, digest }: CacheKey): string => `${tenant}\n${digest}`

const replay = async function* (
  entry: CacheEntry,
  age: 'fresh' | 'stale',
  request: ChatRequest,
  nowMs: number,
  similarity?: number,
): AsyncGenerator<ChatEvent, void, undefined> {
  const ageS = Math.max(0, Math.floor((nowMs - entry.storedAtMs) / 1000))
  request.observe?.({ type: 'cache', status: age === 'fresh' ? 'hit' : 'stale', ageS, similarity })
  request.observe?.({ type: 'served-by', modelId: entry.modelId, upstreamModel: entry.upstreamModel })
  for (const event of entry.events) {
    request.signal.throwIfAborted()
    yield event
  }
}
