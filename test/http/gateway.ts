import { OpenAI } from 'openai'
import type { Admit } from '../../src/answer/admit.ts'
import { type AnswerDeps, createAnswer } from '../../src/answer/answer.ts'
import { createClassify } from '../../src/answer/classify.ts'
import { createEmbed } from '../../src/answer/embed.ts'
import type { Cost } from '../../src/answer/open-trace.ts'
import type { Prepare } from '../../src/answer/prepare.ts'
import { createGuarding, type RouteGuards } from '../../src/guardrails/guarding.ts'
import { type AppDeps, createApp } from '../../src/http/app.ts'
import { createInFlight } from '../../src/http/in-flight.ts'
import { serve } from '../../src/http/serve.ts'
import type { Principal } from '../../src/keys/principal.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { ChatModel } from '../../src/models/chat-model.ts'
import type { Classifier } from '../../src/models/classifier.ts'
import type { Embedder } from '../../src/models/embedder.ts'
import { type Route, routeTable } from '../../src/rollout/route.ts'
import { createLogger } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { Trace } from '../../src/traces/trace.ts'

export const key = 'weir_test_key'
export const principal: Principal = { keyId: 'key-1', tenant: 'acme', scopes: ['inference'] }

export type GatewayOptions = {
  models?: ChatModel[]
  embedders?: Embedder[]
  classifiers?: Classifier[]
  moderators?: Record<string, Record<string, number>>
  /** By route. */
  guards?: Record<string, Partial<RouteGuards>>
  routes?: Route[]
  prepare?: Prepare
  admit?: Admit
  cost?: Cost
  principal?: Partial<Principal>
  graceMs?: number
  idleSeconds?: number
  app?: Partial<AppDeps>
}

/** A whole gateway on a free port, everything real but the models, with its traces and logs at hand. */
export const startGateway = (options: GatewayOptions = {}) => {
  const traces: Trace[] = []
  const logged: string[] = []
  const models = options.models ?? []
  const embedders = options.embedders ?? []
  const classifiers = options.classifiers ?? []
  const routes = routeTable(
    options.routes ?? [],
    [...models, ...embedders, ...classifiers].map(({ id }) => ({ id, hash: Bun.SHA256.hash(id, 'hex') })),
  )
  const metrics = createMetrics()
  const inFlight = createInFlight()
  const record = (trace: Trace) => {
    traces.push(structuredClone(trace))
    metrics.answered(trace)
  }
  const shared = { routes: () => routes, record, cost: options.cost ?? (() => 0.25), admit: options.admit, keepPayload: () => true }
  const app = createApp({
    answer: createAnswer({
      ...shared,
      modelOf: ({ model }) => models.find(({ id }) => id === model),
      prepare: options.prepare,
      guard: guardsOf(options.guards ?? {}),
    }),
    embed: createEmbed({ ...shared, embedderOf: ({ model }) => embedders.find(({ id }) => id === model) }),
    classify: createClassify({ ...shared, classifierOf: ({ model }) => classifiers.find(({ id }) => id === model) }),
    moderators: () => new Map(Object.entries(options.moderators ?? {})),
    models: () => [...routes.keys()].map((id) => ({ id, createdAtMs: 1_700_000_000_000, ownedBy: 'weir' })),
    readiness: () => ({ ready: true, waitingFor: {} }),
    inFlight,
    metrics,
    log: createLogger('info', { write: (line) => logged.push(line) }),
    clock: systemClock,
    maxBodyBytes: () => 1024 * 1024,
    authenticate: (secret) => {
      if (secret === key) return { ...principal, ...options.principal }
      return secret === 'admin' ? { ...principal, scopes: ['inference', 'admin'] } : undefined
    },
    keyless: () => undefined,
    knowsOrigin: () => false,
    ...options.app,
  })
  const serving = serve({
    app,
    inFlight,
    hostname: '127.0.0.1',
    port: 0,
    graceMs: options.graceMs ?? 1000,
    idleSeconds: options.idleSeconds,
  })
  const post = (path: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(`${serving.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: signal ?? null,
    })
  return {
    ...serving,
    app,
    traces,
    logged,
    metrics,
    inFlight,
    post,
    client: new OpenAI({ baseURL: `${serving.url}/v1`, apiKey: key, maxRetries: 0 }),
    [Symbol.asyncDispose]: serving.close,
  }
}

const guardsOf =
  (guards: Record<string, Partial<RouteGuards>>): AnswerDeps['guard'] =>
  ({ route, principal: { tenant }, signal }) => {
    const own = guards[route]
    return own && createGuarding({ input: [], output: [], ...own }, { tenant, signal })
  }

export type Gateway = ReturnType<typeof startGateway>

export const hello = { model: 'echo', messages: [{ role: 'user' as const, content: 'hello' }] }

/** The events of an SSE body, as JSON; `[DONE]` stays text. */
export const readEvents = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => block.replace(/^data: /, ''))
    // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
    .map((data): any => (data === '[DONE]' ? data : JSON.parse(data)))

export const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as { error: { message: string; type: string; param: string | null; code: string | null } }
  return { status: response.status, ...error }
}
