import { onlineAssertion } from '../evals/online/online-scorer.ts'
import { scorerOf } from '../evals/scorers/index.ts'
import { hostOf, hosts } from '../models/providers/hosts.ts'
import { provider } from '../models/providers/index.ts'
import { detectorOf } from '../monitors/detectors/index.ts'
import { signalsOf } from '../monitors/signals.ts'
import type { WeirConfig } from './schema.ts'

export type Fault = { path: PropertyKey[]; message: string }

/** Faults that no single field shows: names that point at nothing, weights that do not add up, two things of one name. */
export const crossCheck = (config: WeirConfig): Fault[] => {
  const llms = namesOf(config, 'llm')
  return [
    ...modelFaults(config, llms),
    ...guardrailFaults(config, llms),
    ...Object.keys(config.monitors).flatMap((route) => monitorFaults(route, config)),
    ...Object.entries(config.routes).flatMap(([name, route]) => routeFaults(name, route, config, llms)),
    ...budgetFaults(config, llms),
    ...metricFaults(config),
    ...semanticFaults(['defaults', 'cache'], config.defaults.cache, config),
    ...Object.entries(config.collections).flatMap(([name, collection]) =>
      unknownName(['collections', name, 'embedding'], collection.embedding, namesOf(config, 'embedding'), 'embedding model'),
    ),
  ]
}

/** A metric that is said by a scorer needs one of that name somewhere. */
const metricFaults = ({ metrics, routes }: WeirConfig): Fault[] => {
  const scorers = new Set(Object.values(routes).flatMap(({ scoring }) => scoring?.scorers.map(({ name }) => name) ?? []))
  return Object.entries(metrics).flatMap(([name, metric]) =>
    metric.type === 'label' || metric.type === 'event' || metric.scorer === undefined
      ? []
      : unknownName(['metrics', name, 'scorer'], metric.scorer, scorers, 'scorer of a route'),
  )
}

const namesOf = (config: WeirConfig, kind: string): Set<string> =>
  new Set(Object.entries(config.models).flatMap(([name, model]) => (model.kind === kind ? [name] : [])))

const unknownName = (path: PropertyKey[], name: string, known: ReadonlySet<string>, kind: string): Fault[] =>
  // `name@alias` is a registered model, which only the running server knows.
  known.has(name) || name.includes('@') ? [] : [{ path, message: `no ${kind} is named ${name}` }]

const modelFaults = (config: WeirConfig, llms: ReadonlySet<string>): Fault[] => {
  const providers = new Set(Object.keys(config.providers))
  return Object.entries(config.models).flatMap(([name, model]) => {
    if ('provider' in model) {
      const path = ['models', name, 'provider']
      const kind = config.providers[model.provider]?.kind
      if (kind && model.kind === 'embedding' && !provider(kind).embedder)
        return [{ path, message: `a host of kind ${kind} has no embeddings` }]
      return unknownName(path, model.provider, providers, 'provider')
    }
    if (!('deployments' in model)) return []
    return model.deployments.flatMap((deployment, index) => {
      const path = ['models', name, 'deployments', index, 'model']
      const target = config.models[deployment.model]
      if (target && 'deployments' in target) return [{ path, message: 'a deployment cannot itself be balanced' }]
      return unknownName(path, deployment.model, llms, 'llm')
    })
  })
}

const guardrailFaults = (config: WeirConfig, llms: ReadonlySet<string>): Fault[] => {
  const named = new Set(Object.keys(config.guardrails))
  const models = Object.entries(config.guardrails).flatMap(([name, guardrail]): Fault[] => {
    const path = ['guardrails', name]
    if (guardrail.kind === 'judge') return unknownName([...path, 'model'], guardrail.model, llms, 'llm')
    if (guardrail.kind !== 'classifier') return []
    const classifier = config.models[guardrail.model]
    if (classifier?.kind !== 'classifier') return [{ path: [...path, 'model'], message: `no classifier is named ${guardrail.model}` }]
    return guardrail.labels.flatMap((label, index) =>
      unknownName([...path, 'labels', index], label, new Set(classifier.labels), `label of ${guardrail.model}`),
    )
  })
  const uses = Object.entries(config.routes).flatMap(([route, { guardrails }]) =>
    (['input', 'output'] as const).flatMap((stage) =>
      (guardrails?.[stage] ?? []).flatMap((name, index): Fault[] => {
        const path = ['routes', route, 'guardrails', stage, index]
        if (stage === 'input' && config.guardrails[name]?.kind === 'json_schema')
          return [{ path, message: 'a JSON schema is for the output' }]
        return unknownName(path, name, named, 'guardrail')
      }),
    ),
  )
  const labels = Object.entries(config.models).flatMap(([name, model]) =>
    model.kind === 'classifier'
      ? Object.keys(model.moderation ?? {}).flatMap((label) =>
          unknownName(['models', name, 'moderation', label], label, new Set(model.labels), 'label of this model'),
        )
      : [],
  )
  return [...models, ...uses, ...labels]
}

const budgetFaults = (config: WeirConfig, llms: ReadonlySet<string>): Fault[] => {
  const answering = new Set([...Object.keys(config.routes), ...llms])
  return config.budgets.flatMap(({ on_exceeded: instead }, index) => {
    if (instead === undefined) return []
    const path = ['budgets', index, 'on_exceeded']
    const variants = new Set(config.routes[instead.fallback]?.variants.map((variant) => variant.name))
    const variantFaults =
      instead.variant === undefined ? [] : unknownName([...path, 'variant'], instead.variant, variants, 'variant of that route')
    return [...unknownName([...path, 'fallback'], instead.fallback, answering, 'route or llm'), ...variantFaults]
  })
}

/** Names of the scorers of live answers, over all routes. */
export const scorersOf = (config: WeirConfig): string[] => [
  ...new Set(Object.values(config.routes).flatMap(({ scoring }) => scoring?.scorers.map(({ name }) => name) ?? [])),
]

const monitorFaults = (route: string, config: WeirConfig): Fault[] => {
  const path = ['monitors', route]
  const monitor = config.monitors[route]
  if (monitor === undefined) return []
  const embedders = namesOf(config, 'embedding')
  const known = signalsOf({ metrics: config.metrics, scorers: scorersOf(config) })
  const faults = unknownName(path, route, new Set([...Object.keys(config.routes), ...Object.keys(config.models)]), 'route')
  if (monitor.embedder !== undefined) faults.push(...unknownName([...path, 'embedder'], monitor.embedder, embedders, 'embedding model'))
  const compares = monitor.golden?.embedder
  if (compares !== undefined) faults.push(...unknownName([...path, 'golden', 'embedder'], compares, embedders, 'embedding model'))
  for (const [name, { detector }] of Object.entries(monitor.signals)) {
    const signal = known.find((one) => one.name === name)
    if (signal === undefined) faults.push(...unknownName([...path, 'signals', name], name, new Set(), 'signal'))
    else if (detector !== undefined && detectorOf(detector).kind !== (signal.kind === 'rate' ? 'categorical' : signal.kind)) {
      faults.push({ path: [...path, 'signals', name, 'detector'], message: `${detector} does not compare ${signal.kind} signals` })
    }
  }
  return faults
}

/** Those of one route in a configuration that may not have it yet, such as one that is put through the API. */
export const faultsOfRoute = (name: string, route: WeirConfig['routes'][string], config: WeirConfig): Fault[] =>
  crossCheck({ ...config, routes: { [name]: route } }).filter(({ path: [part, found] }) => part === 'routes' && found === name)

const routeFaults = (name: string, route: WeirConfig['routes'][string], config: WeirConfig, llms: ReadonlySet<string>): Fault[] => {
  const path = ['routes', name]
  const faults: Fault[] = []
  if (Object.hasOwn(config.models, name)) faults.push({ path, message: 'a model has this name too; clients could not tell them apart' })
  const total = route.variants.reduce((sum, variant) => sum + variant.weight_percent, 0)
  if (Math.abs(total - 100) > 1e-9) faults.push({ path: [...path, 'variants'], message: `weight_percent adds up to ${total}, not 100` })
  if (new Set(route.variants.map((variant) => variant.name)).size < route.variants.length)
    faults.push({ path: [...path, 'variants'], message: 'two variants have one name' })
  const collections = new Set(Object.keys(config.collections))
  const { control, primary_metric } = route.experiment ?? {}
  if (control !== undefined) {
    const known = new Set(route.variants.map((variant) => variant.name))
    faults.push(...unknownName([...path, 'experiment', 'control'], control, known, 'variant of this route'))
  }
  if (primary_metric !== undefined) {
    const metrics = new Set(Object.keys(config.metrics).filter((metric) => config.metrics[metric]?.type !== 'label'))
    faults.push(...unknownName([...path, 'experiment', 'primary_metric'], primary_metric, metrics, 'metric with numbers'))
  }
  faults.push(...semanticFaults([...path, 'cache'], route.cache, config))
  faults.push(...rolloutFaults(name, route, config))
  const variants = new Set(route.variants.map((variant) => variant.name))
  if (route.shadow) faults.push(...unknownName([...path, 'shadow', 'variant'], route.shadow.variant, variants, 'variant of this route'))
  faults.push(...ruleFaults(path, route, config))
  if (route.adaptive) {
    const metrics = new Set(Object.keys(config.metrics).filter((metric) => config.metrics[metric]?.type !== 'label'))
    faults.push(...unknownName([...path, 'adaptive', 'metric'], route.adaptive.metric, metrics, 'metric with numbers'))
    if (route.variants.filter(({ weight_percent }) => weight_percent > 0).length < 2)
      faults.push({ path: [...path, 'adaptive'], message: 'needs two variants with a weight' })
    if (route.rollout?.start === 'auto')
      faults.push({ path: [...path, 'adaptive'], message: 'a rollout that starts by itself moves the weights too: leave out one' })
  }
  faults.push(...scoringFaults(name, route, config, llms))
  route.variants.forEach((variant, index) => {
    const at = [...path, 'variants', index]
    faults.push(...unknownName([...at, 'model'], variant.model, llms, 'llm'))
    if (variant.escalate) {
      faults.push(...unknownName([...at, 'escalate', 'model'], variant.escalate.model, llms, 'llm'))
      if (variant.escalate.min_confidence !== undefined && tellsNoLogprobs(config.models[variant.model]))
        faults.push({
          path: [...at, 'escalate', 'min_confidence'],
          message: `${variant.model} tells no logprobs, so nothing is known of its confidence`,
        })
    }
    faults.push(...variant.fallback.flatMap((model, place) => unknownName([...at, 'fallback', place], model, llms, 'llm')))
    if (variant.retrieval)
      faults.push(...unknownName([...at, 'retrieval', 'collection'], variant.retrieval.collection, collections, 'collection'))
    if (variant.retrieval?.answer === 'extract') {
      for (const model of [variant.model, ...variant.fallback, ...(variant.escalate ? [variant.escalate.model] : [])]) {
        if (!isFree(config, model)) continue
        const message = `${model} cannot be held to sentences: use a local model, or one whose host takes structured_outputs`
        faults.push({ path: [...at, 'retrieval', 'answer'], message })
      }
    }
  })
  return faults
}

const tellsNoLogprobs = (model: WeirConfig['models'][string] | undefined): boolean =>
  model !== undefined && 'capabilities' in model && model.capabilities?.logprobs === false

/** Whether nothing holds a model, or one of its deployments, to given answers. */
const isFree = ({ models, providers }: WeirConfig, name: string): boolean => {
  const named = models[name]
  const all = named && 'deployments' in named ? named.deployments.map(({ model }) => models[model]) : [named]
  return all.some((model) => {
    if (model?.kind !== 'llm' || !('provider' in model)) return false
    const host = providers[model.provider]
    return !(model.capabilities?.structured_outputs ?? (host && hosts[host.host ?? hostOf(host.base_url)].capabilities.oneOf))
  })
}

const ruleFaults = (path: PropertyKey[], { rules = [], variants }: WeirConfig['routes'][string], config: WeirConfig): Fault[] => {
  const known = new Set(variants.map((variant) => variant.name))
  return rules.flatMap(({ variant, when: { label } }, index) => {
    const at = [...path, 'rules', index]
    const faults = unknownName([...at, 'variant'], variant, known, 'variant of this route')
    if (label === undefined) return faults
    const place = [...at, 'when', 'label']
    const classifier = config.models[label.classifier]
    if (classifier?.kind !== 'classifier')
      return [...faults, { path: [...place, 'classifier'], message: `no classifier is named ${label.classifier}` }]
    return [...faults, ...unknownName([...place, 'label'], label.label, new Set(classifier.labels), `label of ${label.classifier}`)]
  })
}

const scoringFaults = (name: string, { scoring }: WeirConfig['routes'][string], config: WeirConfig, llms: ReadonlySet<string>): Fault[] => {
  if (scoring === undefined) return []
  const path = ['routes', name, 'scoring']
  const { judge, embedder, scorers } = scoring
  const faults: Fault[] = []
  if (judge !== undefined) {
    faults.push(...unknownName([...path, 'judge'], judge, llms, 'llm'))
    const model = config.models[judge]
    if (model && 'provider' in model && scoring.max_usd_per_day === undefined)
      faults.push({ path: [...path, 'judge'], message: 'a hosted judge costs money for every answer: set max_usd_per_day' })
  }
  if (embedder !== undefined) faults.push(...unknownName([...path, 'embedder'], embedder, namesOf(config, 'embedding'), 'embedding model'))
  const classifiers = namesOf(config, 'classifier')
  scorers.map(onlineAssertion).forEach(({ type, config: own }, index) => {
    const at = [...path, 'scorers', index]
    const scorer = scorerOf(type)
    if (scorer?.judged && judge === undefined) faults.push({ path: at, message: `'${type}' needs a judge` })
    if (type === 'answer-relevance' && embedder === undefined) faults.push({ path: at, message: `'${type}' needs an embedder` })
    if (type === 'classifier') faults.push(...unknownName([...at, 'model'], String(own.model ?? own.provider), classifiers, 'classifier'))
  })
  return faults
}

const semanticFaults = (path: PropertyKey[], cache: WeirConfig['defaults']['cache'], config: WeirConfig): Fault[] =>
  cache?.semantic
    ? unknownName([...path, 'semantic', 'embedding'], cache.semantic.embedding, namesOf(config, 'embedding'), 'embedding model')
    : []

const rolloutFaults = (name: string, { rollout, variants }: WeirConfig['routes'][string], config: WeirConfig): Fault[] => {
  if (rollout === undefined) return []
  const path = ['routes', name, 'rollout']
  const { candidate, stable, metrics } = rollout
  const known = new Set(variants.map((variant) => variant.name))
  const faults: Fault[] = []
  for (const [key, variant] of [
    ['candidate', candidate],
    ['stable', stable],
  ] as const) {
    if (variant !== undefined) faults.push(...unknownName([...path, key], variant, known, 'variant of this route'))
  }
  if (candidate !== undefined && candidate === stable) faults.push({ path: [...path, 'stable'], message: 'is the candidate' })
  const numbers = Object.keys(config.metrics).filter((metric) => config.metrics[metric]?.type !== 'label')
  const judged = new Set(['latency', 'cost', ...numbers])
  for (const metric of Object.keys(metrics))
    faults.push(...unknownName([...path, 'metrics', metric], metric, judged, 'metric with numbers'))
  return faults
}
