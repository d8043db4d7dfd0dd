import type { Sampling } from '../models/chat-model.ts'
import type { AdaptivePlan } from './bandit.ts'
import type { Rule } from './rules.ts'

/** What a client calls as `model`: a name, and the variants that may answer it. */
export type Route = {
  name: string
  /** Never empty. */
  variants: readonly [Variant, ...Variant[]]
  /** Salt of sticky assignment. Another seed deals every subject anew. */
  seed: string
  /** Names of variants that nobody gets, not even by a pin. */
  disabled?: ReadonlySet<string> | undefined
  /** Asked before the weights, in order. */
  rules?: readonly Rule[] | undefined
  /** Weights that follow a metric; those that are declared are the first. */
  adaptive?: AdaptivePlan | undefined
  trial?: Trial | undefined
  shadow?: Shadowing | undefined
}

/** A variant that gets a copy of so many live requests, after their users were answered. A copy's trace names the original: `metadata.shadow_of`. */
export type Shadowing = {
  variant: string
  /** Share of requests that are copied. */
  samplePercent: number
  /** Copies that are asked at the same time, by each replica. */
  maxConcurrency: number
}

/** A candidate compared with a control on equal shares of the subjects; the others get the route's variants by weight. */
export type Trial = {
  candidate: Variant
  /** As one of the route's variants, in an object of its own. */
  control: Variant
  /** Share of subjects in each arm; at most 50. */
  weightPercent: number
  /** Salt of enrolment and arm. */
  seed: string
  /** Whether the control's model answers where the candidate's fails before its first token. */
  rescue?: boolean | undefined
}

export const usualShadow = { samplePercent: 10, maxConcurrency: 4 }

export type Arm = 'candidate' | 'control'

/** One way of answering: prompt, model, parameters and retrieval. Two variants with one `hash` answer alike. */
export type Variant = {
  name: string
  /** Share of subjects; relative to the other variants of the route, so 90 and 10 are the same as 9 and 1. 0 is never assigned. */
  weightPercent: number
  /** Id of a configured model. */
  model: string
  /** Used where the request is silent. */
  defaults: Sampling
  /** The prompt that turns the request's variables into messages. */
  prompt?: PromptChoice | undefined
  /** Where passages for the request are looked up. */
  retrieval?: RetrievalChoice | undefined
  /** See `variantHash`. */
  hash: string
}

/** A version, or the version that a label points at. */
export type PromptChoice = { name: string; label?: string | undefined; version?: string | undefined }

export type RetrievalChoice = {
  collection: string
  /** Passages at most, and the tokens of the chat model they may fill. */
  topK: number
  tokenBudget: number
  minScore?: number | undefined
  /** Who answers: the model, from the passages or with one of their sentences, or the closest sentence itself. The model when absent. */
  answer?: 'model' | 'extract' | 'quote' | undefined
  /** Of `extract`: how much closeness to the question counts beside the model, in nats. */
  closenessWeight?: number | undefined
}

/** The routes of one configuration; replaced as a whole when the configuration is. */
export type RouteTable = ReadonlyMap<string, Route>

/** Declared routes, and every model under its own id as a route of one variant. A declared route hides the model of its name. */
export const routeTable = (declared: Iterable<Route>, models: Iterable<{ id: string; hash: string }>): RouteTable => {
  const routes = new Map<string, Route>()
  for (const { id, hash } of models) {
    routes.set(id, { name: id, seed: id, variants: [{ name: 'default', weightPercent: 100, model: id, defaults: {}, hash }] })
  }
  for (const route of declared) routes.set(route.name, route)
  return routes
}
