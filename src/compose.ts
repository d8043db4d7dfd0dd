import type { Hono } from 'hono'
import { createAnswer } from './answer/answer.ts'
import { createClassify } from './answer/classify.ts'
import { createEmbed } from './answer/embed.ts'
import { createShadow } from './answer/shadow.ts'
import { type Access, openAccess } from './compose/access.ts'
import { createAdmission } from './compose/admission.ts'
import { createCache, createDropCache } from './compose/cache.ts'
import { createEngines, warmUp } from './compose/engines.ts'
import { createEvals, rolloutGate } from './compose/evals.ts'
import { feedbackMounts } from './compose/feedback.ts'
import { guardOf, moderatorsOf } from './compose/guardrails.ts'
import { housekeeping } from './compose/housekeeping.ts'
import { createKnowledge } from './compose/knowledge.ts'
import { createLiveConfig, type LiveConfig } from './compose/live-config.ts'
import { hostedAs } from './compose/models.ts'
import { createMonitors } from './compose/monitors.ts'
import { createObserving } from './compose/observing.ts'
import { createOpenAiEvals } from './compose/openai-evals.ts'
import { createCost, readPriceTable } from './compose/prices.ts'
import { createProbabilityOf } from './compose/probability.ts'
import { createRegistered } from './compose/registered.ts'
import { createRollouts } from './compose/rollouts.ts'
import { createSemanticCache } from './compose/semantic-cache.ts'
import { startSuite } from './compose/suite-of-folder.ts'
import type { WeirConfig } from './config/schema.ts'
import type { Environment } from './config.ts'
import { openDatabase } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { auditRoutes } from './http/admin/audit.ts'
import { cacheRoutes } from './http/admin/cache.ts'
import { costRoutes } from './http/admin/cost.ts'
import { docsRoutes } from './http/admin/docs.ts'
import { keyRoutes } from './http/admin/keys.ts'
import { projectRoutes } from './http/admin/projects.ts'
import { traceRoutes } from './http/admin/traces.ts'
import { createApp } from './http/app.ts'
import type { Env } from './http/context.ts'
import { createInFlight, type InFlight } from './http/in-flight.ts'
import { systemClock } from './lib/clock.ts'
import type { Variant } from './rollout/route.ts'
import type { Logger } from './telemetry/log.ts'

export type Weir = Pick<Access, 'token' | 'firstAdminKey'> & {
  app: Hono<Env>
  inFlight: InFlight
  reconfigure(config: WeirConfig): Promise<void>
  /** Resolves when the local models are loaded or refused; until then requests wait for theirs. */
  warmedUp: Promise<void>
  close(): Promise<void>
}

export type WeirOptions = {
  environment: Environment
  config: WeirConfig
  log: Logger
  /** False for the CLI: it must not sweep, and nobody can reach it. */
  serving: boolean
}

/** Opens the state and joins the rooms. The result answers requests; it does not listen. */
export const openWeir = async ({ environment, config, log, serving }: WeirOptions): Promise<Weir> => {
  const stateDir = environment.WEIR_STATE_DIR
  const clock = systemClock
  const stopped = new AbortController()
  const engines = createEngines(stateDir, log)
  // Children load models while the database opens: each takes about as long as the other.
  const warmedUp = serving ? warmUp(config, engines, log, stopped.signal) : Promise.resolve()
  const database = await openDatabase({ url: environment.DATABASE_URL, stateDir })
  const { db, listen } = database
  await migrate(db)

  const access = await openAccess({ database, environment, auth: () => live.current.config.auth, serving, clock, log })
  const knowledge = createKnowledge({
    database,
    stateDir,
    promptsFolder: 'prompts',
    live: () => live.current,
    onMove: () => live.refreshRoutes(),
    clock,
    log,
    signal: stopped.signal,
  })
  const {
    record,
    metrics,
    close: stopObserving,
  } = await createObserving({
    db,
    stateDir,
    spanEndpoint: environment.OTEL_EXPORTER_OTLP_ENDPOINT,
    engines,
    breakers: () => live.current.stacks.breakers,
    hostedAs: (id) => hostedAs(live.current.config, id),
    clock,
    log,
  })
  const semantic = createSemanticCache({
    db,
    clock,
    memoryBytes: Math.ceil(config.defaults.cache_memory_bytes / 4),
    embedderOf: (model) => live.current.models.embedders.get(model),
    metrics,
    log,
  })
  const cache = await createCache({
    db,
    listen,
    clock,
    settings: config.cache,
    memoryBytes: config.defaults.cache_memory_bytes,
    semantic,
    record,
    cost: (use) => cost(use),
    charge: (trace) => admission.charge(trace),
    onError: (error) => log.warn({ err: error }, 'the shared cache is away; answers are kept in memory alone'),
  })
  let written = config
  const registered = createRegistered({
    database,
    stateDir,
    artifacts: config.artifacts,
    hub: { endpoint: environment.HF_ENDPOINT, token: environment.HF_TOKEN },
    config: () => written,
    onChange: () => rejoin(),
    clock,
    log,
  })
  const rejoin = (next = written) => live.replace(rollouts.join(registered.join(next)))
  const probabilityOf = createProbabilityOf((id) => live.current.models.classifiers.get(id), log)
  const rollouts = createRollouts({
    database,
    config: () => live.current.config,
    written: () => written,
    routes: () => live.current.serving.routes,
    serves: (variant) => live.current.serving.modelOf(variant) !== undefined,
    onRoutes: () => rejoin(),
    onRollouts: () => live.refreshRoutes(),
    gate: rolloutGate(db, () => live.current.config),
    probabilityOf,
    serving,
    metrics,
    clock,
    log,
  })
  const live: LiveConfig = createLiveConfig(config, {
    engines,
    moving: knowledge.moving,
    prices: readPriceTable(),
    around: cache.around,
    overlayOf: rollouts.overlayOf,
    costOf: (use) => cost({ ...use, atMs: clock() }),
    clock,
  })
  await registered.start()
  await knowledge.start(serving)
  live.refreshRoutes()
  await rollouts.start()
  const cost = createCost(() => live.current.priceOf)
  const admission = createAdmission({
    database,
    clock,
    rules: () => live.current.config.limits,
    budgets: () => live.current.budgets,
    priceOf: () => live.current.priceOf,
    organisationOf: access.organisationOf,
    log,
    signal: stopped.signal,
  })
  const keepPayload = () => live.current.config.defaults.payloads === 'keep'
  const routes = () => live.current.serving.routes
  const answering = {
    routes,
    modelOf: (variant: Variant) => live.current.serving.modelOf(variant),
    record,
    cost,
    keepPayload,
    probabilityOf,
    prepare: knowledge.prepare,
    guard: guardOf(() => live.current.guards),
  }
  const shadow = createShadow({ routes, answer: createAnswer(answering), clock, note: metrics.shadowed })
  const answer = createAnswer({ ...answering, admit: admission.admit, ended: shadow.consider })
  const evals = createEvals({
    db,
    clock,
    live: () => live.current,
    answering,
    cost,
    promptClosure: knowledge.promptClosure,
    documentsRead: knowledge.documentsRead,
    metrics,
    log,
  })
  if (serving) evals.start()
  const monitors = createMonitors({
    db,
    config: () => live.current.config,
    embedderOf: (model) => live.current.models.embedders.get(model),
    routes,
    answer: createAnswer(answering),
    holdRollout: (route, reason) => rollouts.hold(route, { actor: 'monitor', reason }),
    runEval: async (suite, variant) => {
      const onError = (error: unknown) => log.warn({ err: error, suite }, 'a suite that an alert set off did not end')
      return `run ${await startSuite({ db, clock, evaluations: evals.evaluations, onError }, suite, variant, 'monitor')} of ${suite}`
    },
    metrics,
    clock,
    log,
  })
  if (serving) monitors.start()
  const openAiEvals = createOpenAiEvals({ db, clock, live: () => live.current, answer, log })
  if (serving) openAiEvals.start()
  const embed = createEmbed({
    routes,
    embedderOf: (variant) => live.current.models.embedders.get(variant.model),
    record,
    cost,
    admit: admission.admit,
    keepPayload,
  })

  const classify = createClassify({
    routes,
    classifierOf: (variant) => live.current.models.classifiers.get(variant.model),
    record,
    cost,
    admit: admission.admit,
    keepPayload,
  })

  let warm = !serving
  const inFlight = createInFlight()
  const mounts = {
    ...feedbackMounts({ db, config: () => live.current.config, routes, clock }),
    '/admin/keys': keyRoutes({ keys: access.keys, defaultScopes: () => live.current.config.keys.default_scopes }),
    '/admin/projects': projectRoutes({ projects: access.projects }),
    '/admin/audit': auditRoutes({ db }),
    '/admin/cache': cacheRoutes({ drop: createDropCache({ db, clock, routes, cache }), semantic: semantic.checks.list }),
    '/admin/cost': costRoutes({ db }),
    '/admin/traces': traceRoutes({ db }),
    ...registered.mounts,
    ...rollouts.mounts,
    ...evals.mounts,
    ...monitors.mounts,
    ...openAiEvals.mounts,
    ...knowledge.mounts,
  }
  const app = createApp({
    answer,
    embed,
    classify,
    moderators: () => moderatorsOf(live.current.config),
    models: () => live.current.listing,
    readiness: () => (warm ? { ready: true, waitingFor: {} } : { ready: false, waitingFor: { models: 'loading' } }),
    inFlight,
    metrics,
    log,
    clock,
    maxBodyBytes: () => live.current.config.defaults.max_body_bytes,
    ...access.authentication,
    mounts: { ...mounts, '/admin': docsRoutes(() => mounts) },
  })

  const sweeping = serving
    ? housekeeping({
        db,
        clock,
        defaults: () => live.current.config.defaults,
        reclaimIndexes: knowledge.reclaimIndexes,
        signal: stopped.signal,
        log,
      })
    : undefined
  return {
    app,
    inFlight,
    token: access.token,
    firstAdminKey: access.firstAdminKey,
    reconfigure: async (next) => {
      rejoin(next)
      written = next
      await knowledge.readPinned()
      live.refreshRoutes()
    },
    warmedUp: warmedUp.then(() => {
      warm = true
    }),
    close: async () => {
      stopped.abort()
      await shadow.close()
      await monitors.close()
      await rollouts.close()
      await evals.close()
      await openAiEvals.close()
      await knowledge.close()
      await registered.close()
      await Promise.all([engines.llama.close(), engines.onnx.close(), sweeping])
      await admission.close()
      await cache.close()
      await semantic.close()
      await stopObserving()
      await access.close()
      await database.close()
    },
  }
}
