import type { RouteConfig, WeirConfig } from '../config/schema.ts'
import { hashOf } from '../lib/hash.ts'
import type { ChatModel, Sampling } from '../models/chat-model.ts'
import { type EscalateOptions, escalate } from '../models/escalate.ts'
import { rescue } from '../models/rescue.ts'
import { applyOverlay, type OverlayOf } from '../rollout/overlay.ts'
import { type Route, type RouteTable, routeTable, type Variant } from '../rollout/route.ts'
import type { Rule } from '../rollout/rules.ts'
import { variantHash } from '../rollout/variant-hash.ts'
import { manifestHash } from './models.ts'
import type { Stacks } from './stacks.ts'

/** What can change without a new configuration: which prompt version a label means, and which index a collection serves. */
export type Moving = {
  promptClosure(choice: NonNullable<Variant['prompt']>): string | null
  indexVersion(collection: string): string | null
}

export type Serving = { routes: RouteTable; modelOf(variant: Variant): ChatModel | undefined }

/** Puts a cache around the model of a route's variant; its answers are kept under the variant's hash, or under `namespace`. */
export type AroundVariant = (
  model: ChatModel,
  at: { route: string; variant: Variant; cache: RouteConfig['cache']; namespace?: string | undefined },
) => ChatModel

export type ServingParts = { around: AroundVariant; overlayOf?: OverlayOf | undefined; costOf: EscalateOptions['costOf'] }

/** The routes of a configuration with the model stack of each variant, made once so that a request only looks them up. */
export const createServing = (
  config: WeirConfig,
  stacks: Stacks,
  moving: Moving,
  { around, overlayOf = () => undefined, costOf }: ServingParts,
): Serving => {
  const models = new Map<Variant, ChatModel>()
  const declared = Object.entries(config.routes).map(([name, route]): Route => {
    const [first, ...others] = route.variants.map((settings) => toVariant(settings, config, moving))
    if (!first) throw new Error(`route ${name} has no variant`) // refused by config/schema
    const asDeclared: Route = {
      name,
      seed: route.seed ?? name,
      variants: [first, ...others],
      shadow: toShadowing(route.shadow),
      rules: route.rules?.map(toRule),
      adaptive: toAdaptive(route.adaptive, config),
    }
    const inForce = applyOverlay(asDeclared, overlayOf(asDeclared))
    const cache = route.cache ?? config.defaults.cache
    const { trial } = inForce
    const stackOf = ({ name: variant }: Variant) => {
      const settings = route.variants.find((one) => one.name === variant)
      const own = settings && stacks.serve(settings, route)
      const larger = settings?.escalate && stacks.serve({ model: settings.escalate.model, fallback: [] }, route)
      return own && larger && settings?.escalate ? escalate(own, larger, { rule: toEscalation(settings.escalate), costOf }) : own
    }
    const serve = (variant: Variant, namespace?: string) => {
      const own = stackOf(variant)
      const trusted = trial?.rescue && variant === trial.candidate ? stackOf(trial.control) : undefined
      const model = own && trusted ? rescue(own, trusted) : own
      if (model) models.set(variant, around(model, { route: name, variant, cache, namespace }))
    }
    for (const variant of inForce.variants) serve(variant)
    if (trial) serve(trial.control, controlNamespace(trial))
    return inForce
  })
  const implicit = Object.entries(config.models).map(([id, model]) => ({
    id,
    hash: variantHash({
      promptClosure: null,
      modelManifest: manifestHash(model, config),
      parameters: {},
      retrieval: null,
      indexVersion: null,
    }),
  }))
  const routes = routeTable(declared, implicit)
  for (const { id } of implicit) {
    const variant = routes.get(id)?.variants[0]
    const model = variant && stacks.serve({ model: id, fallback: [] })
    if (model) models.set(variant, around(model, { route: id, variant, cache: config.defaults.cache }))
  }
  return { routes, modelOf: (variant) => models.get(variant) }
}

/**
 * Where the answers of a trial's control are kept. The variant's own entries are warm: beside them a new candidate would always lose on
 * latency, cost and failures.
 */
export const controlNamespace = ({ control, seed }: { control: Pick<Variant, 'hash'>; seed: string }): string =>
  hashOf({ control: control.hash, seed })

type VariantConfig = RouteConfig['variants'][number]

const toVariant = (settings: VariantConfig, config: WeirConfig, moving: Moving): Variant => {
  const { prompt, retrieval } = settings
  const defaults = samplingOf(settings.params)
  return {
    name: settings.name,
    weightPercent: settings.weight_percent,
    model: settings.model,
    defaults,
    prompt,
    retrieval: retrieval && {
      collection: retrieval.collection,
      topK: retrieval.top_k,
      tokenBudget: retrieval.token_budget,
      minScore: retrieval.min_score,
      answer: retrieval.answer,
      closenessWeight: retrieval.closeness_weight,
    },
    hash: variantHash({
      promptClosure: prompt ? moving.promptClosure(prompt) : null,
      modelManifest: manifestOf(settings, config),
      parameters: defaults,
      retrieval: retrieval ? hashOf(retrieval) : null,
      indexVersion: retrieval ? moving.indexVersion(retrieval.collection) : null,
    }),
  }
}

/** Of the model, and of the larger one behind it when there is one. */
const manifestOf = ({ model: name, escalate: cascade }: VariantConfig, config: WeirConfig): string => {
  const hash = (id: string) => {
    const model = config.models[id]
    return model ? manifestHash(model, config) : ''
  }
  return cascade ? hashOf({ small: hash(name), ...cascade, model: hash(cascade.model) }) : hash(name)
}

const toEscalation = ({ min_confidence, on }: NonNullable<VariantConfig['escalate']>): EscalateOptions['rule'] => ({
  minConfidence: min_confidence,
  on: new Set(on),
})

const toRule = ({ name, variant, when }: NonNullable<RouteConfig['rules']>[number]): Rule => ({
  name,
  variant,
  when: {
    metadata: when.metadata,
    promptTokens: when.prompt_tokens,
    languages: when.language,
    tools: when.tools,
    label: when.label && { classifier: when.label.classifier, label: when.label.label, minProbability: when.label.min_probability },
  },
})

/** Of a metric that has numbers: config/cross-check refuses any other. */
const toAdaptive = (settings: RouteConfig['adaptive'], { metrics }: WeirConfig): Route['adaptive'] => {
  const metric = settings && metrics[settings.metric]
  if (settings === undefined || metric === undefined || metric.type === 'label') return undefined
  return {
    metric: { name: settings.metric, ...metric },
    direction: metric.direction,
    floorPercent: settings.floor_percent,
    minSubjects: settings.min_subjects,
    maxStepPercent: settings.max_step_percent,
    alpha: settings.alpha,
    everyMs: settings.every_s * 1000,
    windowMs: settings.window_days * 24 * 3_600_000,
    settleMs: settings.settle_s * 1000,
  }
}

const toShadowing = (shadow: RouteConfig['shadow']): Route['shadow'] =>
  shadow && { variant: shadow.variant, samplePercent: shadow.sample_percent, maxConcurrency: shadow.max_concurrency }

const samplingOf = (params: VariantConfig['params']): Sampling => ({
  maxTokens: params.max_tokens,
  temperature: params.temperature,
  topP: params.top_p,
  seed: params.seed,
  stop: params.stop,
  frequencyPenalty: params.frequency_penalty,
  presencePenalty: params.presence_penalty,
})
