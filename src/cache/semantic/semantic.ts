import { LRUCache } from 'lru-cache'
import type { ChatEvent, ChatRequest } from '../../models/chat-model.ts'
import type { Embedder } from '../../models/embedder.ts'
import type { CacheEntry, CacheKey, CacheStore } from '../store.ts'
import type { Checks, Watched } from './checks.ts'
import { differenceOf, sameAnswer } from './guards.ts'
import { dot, type Neighbours } from './neighbours.ts'
import { type Question, questionOf } from './question.ts'

export type SemanticSettings = {
  /** Cosine from which two questions may be one. */
  minSimilarity: number
  /** How long a request waits for the embedder before it goes on without. */
  waitMs: number
  /** Share of hits, 0 to 1, whose question is asked of the model all the same. */
  checkShare: number
  /** Cosine from which two answers say the same. */
  minAnswerSimilarity: number
}

export type SemanticOptions = {
  store: CacheStore
  neighbours: Neighbours
  checks: Checks
  watched: Watched
  settings: SemanticSettings
  /** Undefined while it is not there. */
  embedder: () => Embedder | undefined
  random?: (() => number) | undefined
}

export type Found = { entry: CacheEntry; similarity: number }

export type Semantic = {
  /** An answer to the same question in other words. */
  find(request: ChatRequest, key: CacheKey): Promise<Found | undefined>
  /** Remembers a question whose answer is kept. */
  add(request: ChatRequest, key: CacheKey): void
  /** Whether this hit is one of those to check. Counts it. */
  isToCheck(): boolean
  /** Compares what was given with what the model says, once it has said it. */
  check(given: readonly ChatEvent[], said: readonly ChatEvent[], request: ChatRequest): Promise<void>
}

/** Finds answers to the same question in other words. In doubt, and when the embedder is slow or away, it finds none. */
export const createSemantic = (options: SemanticOptions): Semantic => {
  const { store, neighbours, checks, watched, settings, embedder, random = Math.random } = options
  /** Of questions whose answers are being made. */
  const vectors = new LRUCache<string, Promise<Float32Array | undefined>>({ max: 500 })
  let restsUntilMs = 0

  const placeOf = ({ tenant, variantHash }: CacheKey, { setting }: Question) => `${variantHash}\n${tenant}\n${setting}`

  const embed = async (texts: string[], request: ChatRequest): Promise<Float32Array[]> => {
    const model = embedder()
    if (model === undefined) throw new Error('the embedding model is not there')
    const signal = AbortSignal.timeout(embedMs)
    return (await model.embed({ texts, tenant: request.tenant, requestId: request.requestId, purpose: 'query', signal })).vectors
  }

  /** One embedding for requests that come together, and for the question when its answer is remembered. Undefined when it failed. */
  const vectorOf = (question: Question, key: CacheKey, request: ChatRequest): Promise<Float32Array | undefined> => {
    const place = `${placeOf(key, question)}\n${key.digest}`
    const running = vectors.get(place)
    if (running !== undefined) return running
    const vector = embed([question.text], request).then(
      ([first]) => first,
      () => {
        restsUntilMs = performance.now() + restMs
        return undefined
      },
    )
    vectors.set(place, vector)
    return vector
  }

  return {
    find: async (request, key) => {
      const question = performance.now() < restsUntilMs ? undefined : questionOf(request)
      if (question === undefined || checks.state(watched) !== 'on') return undefined
      const place = placeOf(key, question)
      const made = vectorOf(question, key, request)
      if (!neighbours.has(place)) return undefined
      const vector = await within(made, settings.waitMs)
      if (vector === late) restsUntilMs = performance.now() + restMs
      if (vector === late || vector === undefined) return undefined
      for (const { neighbour, similarity } of neighbours.near(place, vector, settings.minSimilarity).slice(0, 5)) {
        if (differenceOf(neighbour.text, question.text) !== undefined) continue
        const entry = await store.get({ ...key, digest: neighbour.digest })
        if (entry !== undefined) return { entry, similarity }
        neighbours.remove(place, neighbour.digest)
      }
      return undefined
    },
    add: (request, key) => {
      const question = questionOf(request)
      if (question === undefined || checks.state(watched) === 'off') return
      void vectorOf(question, key, request).then((vector) => {
        if (vector) neighbours.add(placeOf(key, question), { digest: key.digest, text: question.text, vector })
      })
    },
    isToCheck: () => {
      checks.note(watched, 'hits')
      return random() < settings.checkShare
    },
    check: async (given, said, request) => {
      const [one, other] = [textOf(given), textOf(said)]
      const similarity =
        one === other
          ? 1
          : await embed([beginning(one), beginning(other)], request).then(([left, right]) => (left && right ? dot(left, right) : 0))
      checks.note(watched, 'checked')
      if (!sameAnswer(one, other, similarity, settings.minAnswerSimilarity)) checks.note(watched, 'wrong')
    },
  }
}

const embedMs = 5_000
/** After a failure or a late answer nobody waits again for so long. */
const restMs = 1_000

const late = Symbol('late')

const within = async <T>(promise: Promise<T>, waitMs: number): Promise<T | typeof late> => {
  const waited = Promise.withResolvers<typeof late>()
  const timer = setTimeout(() => waited.resolve(late), waitMs)
  const first = await Promise.race([promise, waited.promise])
  clearTimeout(timer)
  return first
}

const textOf = (events: readonly ChatEvent[]): string => events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')

/** As much as small embedding models read; the guards read the rest. */
const beginning = (text: string): string => text.slice(0, 800)
