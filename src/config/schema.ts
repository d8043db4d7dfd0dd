import { z } from 'zod'
import { scopes } from '../keys/principal.ts'
import { dimensions } from '../limits/rules.ts'
import { hostNames } from '../models/providers/hosts.ts'
import { providerKinds } from '../models/providers/index.ts'
import { auth } from './auth.ts'
import { cacheStore, routeCache } from './cache.ts'
import { guardrails, routeGuardrails } from './guardrails.ts'
import { experiment, metrics } from './metrics.ts'
import { monitors } from './monitors.ts'
import { rollout, shadow } from './rollout.ts'
import { adaptive, escalate, rules } from './routing.ts'
import { scoring } from './scoring.ts'

/**
 * The shape of `weir.yaml`. Every object is strict: an unknown key is an error at its line, never a setting that silently does nothing.
 * Field names are the file's own, snake_case with the unit last.
 */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._\-/]*$/, 'use letters, digits, and . _ - / (not first)')
const positive = z.number().int().positive()
const milliseconds = positive.max(24 * 3600 * 1000)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')

const provider = z.strictObject({
  kind: z.enum(providerKinds),
  base_url: z.url({ protocol: /^https?$/ }),
  /** Which server speaks OpenAI's protocol there, with its quirks; told from the address when absent. */
  host: z.enum(hostNames).optional(),
  /** Absent: the host takes no key. Present but empty: the provider and its models are left out until the variable is set. */
  api_key: z.string().optional(),
  headers: z.record(z.string(), z.string()).default({}),
})

/** Partial, because a route overrides single fields: a default here would hide the file's own `defaults`. */
const timeouts = z
  .strictObject({
    /** Until the host accepts the connection. */
    connect_ms: milliseconds,
    /** Until the first event of a streamed answer. */
    first_token_ms: milliseconds,
    /** Between two events of a stream. */
    idle_ms: milliseconds,
    total_ms: milliseconds,
  })
  .partial()

const retry = z
  .strictObject({
    /** Tries in all; 1 means no retry. */
    attempts: positive.max(10),
    base_ms: milliseconds,
    max_ms: milliseconds,
  })
  .partial()

const standard = {
  timeouts: { connect_ms: 10_000, first_token_ms: 120_000, idle_ms: 60_000, total_ms: 600_000 },
  retry: { attempts: 2, base_ms: 250, max_ms: 8_000 },
}

const over = <T extends object>(defaults: T, given: { [Key in keyof T]?: T[Key] | undefined }): T => ({ ...defaults, ...given }) as T

const breaker = z.strictObject({
  /** Share of failed calls in the window that opens the breaker. */
  failure_ratio: z.number().gt(0).max(1).default(0.5),
  min_calls: positive.default(10),
  window_ms: milliseconds.default(30_000),
  cooldown_ms: milliseconds.default(15_000),
})

const usd = z.number().nonnegative()

const tokenPrice = z.strictObject({
  input_per_million_usd: usd,
  output_per_million_usd: usd.default(0),
  /** What the host asks for input that its own prompt cache held; the input price when absent. */
  cached_input_per_million_usd: usd.optional(),
  /** For each image that a request shows, where the host does not count images as tokens. */
  image_usd: usd.optional(),
})

/** What a second at work costs: of a local model the price of its machine divided by the models on it, of a hosted one its host's. */
const timePrice = z.strictObject({ second_usd: usd })

const localLlm = z.strictObject({
  kind: z.literal('llm'),
  /** A GGUF file. */
  path: z.string().min(1),
  /** Checked before the file is loaded; a mismatch refuses the model. */
  sha256,
  bytes: positive.optional(),
  /** Tokens of prompt and answer together, for each sequence. */
  context_tokens: positive.optional(),
  /** Requests decoded at the same time; each reserves its own context memory. */
  sequences: positive.max(256).optional(),
  /** Requests that may wait for a sequence; more get 429. */
  max_queue: z.number().int().nonnegative().optional(),
  threads: positive.optional(),
  gpu_layers: z.number().int().nonnegative().optional(),
  batch_tokens: positive.optional(),
  /** 0 keeps the model loaded. */
  idle_unload_ms: z.number().int().nonnegative().optional(),
  /** A Jinja chat template instead of the file's own. */
  chat_template: z.string().optional(),
  price: z.union([timePrice, tokenPrice]).optional(),
})

const localOnnx = {
  /** A folder in the layout of the Hugging Face hub. */
  path: z.string().min(1),
  /** sha256 of every file that is loaded, by its path inside the folder. */
  files: z.record(z.string().min(1), sha256).refine((files) => Object.keys(files).length > 0, 'name at least one file'),
  dtype: z.enum(['fp32', 'fp16', 'q8']).optional(),
  max_tokens: positive.optional(),
  batch_tokens: positive.optional(),
  max_queue: z.number().int().nonnegative().optional(),
  idle_unload_ms: z.number().int().nonnegative().optional(),
  price: z.union([timePrice, tokenPrice]).optional(),
}

const localEmbedding = z.strictObject({
  kind: z.literal('embedding'),
  ...localOnnx,
  dimensions: positive,
  pooling: z.enum(['mean', 'cls']).optional(),
  /** Trained so that leading dimensions stand alone. */
  matryoshka: z.boolean().optional(),
  /** Put before a query or a passage, for models trained with them. */
  query_prefix: z.string().optional(),
  passage_prefix: z.string().optional(),
})

const localClassifier = z.strictObject({
  kind: z.literal('classifier'),
  ...localOnnx,
  labels: z.array(z.string().min(1)).min(2),
  /** From which probability on `/v1/moderations` flags a label; labels that are not named are never flagged. */
  moderation: z.record(z.string(), z.number().gt(0).max(1)).optional(),
})

const localReranker = z.strictObject({ kind: z.literal('reranker'), ...localOnnx })

const hosted = {
  provider: name,
  /** The host's own name for the model. */
  model: z.string().min(1),
  /** Instead of the price in `data/prices.yaml`. */
  price: z.union([timePrice, tokenPrice]).optional(),
}

const hostedLlm = z.strictObject({
  kind: z.literal('llm'),
  ...hosted,
  context_tokens: positive.optional(),
  capabilities: z
    .strictObject({
      tools: z.boolean(),
      json_schema: z.boolean(),
      json_object: z.boolean(),
      structured_outputs: z.boolean(),
      logprobs: z.boolean(),
      choices: positive,
      seed: z.boolean(),
      penalties: z.boolean(),
      logit_bias: z.boolean(),
      images: z.boolean(),
    })
    .partial()
    .optional(),
  /** Requests at the host at the same time; more wait. */
  max_concurrency: positive.optional(),
})

const hostedEmbedding = z.strictObject({
  kind: z.literal('embedding'),
  ...hosted,
  dimensions: positive,
  max_tokens: positive.default(8191),
})

/** Several deployments of one model behind one name. */
const balancedLlm = z.strictObject({
  kind: z.literal('llm'),
  balance: z.enum(['weighted', 'least_busy']).default('weighted'),
  deployments: z.array(z.strictObject({ model: name, weight: positive.default(1) })).min(2),
})

const model = z.union([localLlm, hostedLlm, balancedLlm, localEmbedding, hostedEmbedding, localClassifier, localReranker])

/** Parameters of a variant: used where the request does not set its own. */
const params = z.strictObject({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  max_tokens: positive.optional(),
  seed: z.number().int().optional(),
  stop: z.array(z.string().min(1)).max(16).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
})

const retrieval = z
  .strictObject({
    collection: name,
    top_k: positive.max(50).default(5),
    /** Tokens of the chat model that passages may fill. */
    token_budget: positive.default(600),
    min_score: z.number().optional(),
    /**
     * `model` words the answer from the passages; `extract` lets it only choose one of their sentences; `quote` gives the closest sentence and
     * asks no model.
     */
    answer: z.enum(['model', 'extract', 'quote']).default('model'),
    /** Of `extract`: how much the closeness of a sentence to the question counts beside the model, in nats; 0 leaves the choice to the model. */
    closeness_weight: z.number().min(0).max(1000).optional(),
  })
  .refine(({ answer, closeness_weight: weight }) => weight === undefined || answer === 'extract', {
    message: 'is of use with `answer: extract` only',
    path: ['closeness_weight'],
  })

const variant = z.strictObject({
  name,
  weight_percent: z.number().min(0).max(100).default(100),
  model: name,
  /** Tried in order when the model fails before its first token. */
  fallback: z.array(name).default([]),
  escalate: escalate.optional(),
  prompt: z.strictObject({ name, label: z.string().default('production'), version: z.string().optional() }).optional(),
  retrieval: retrieval.optional(),
  params: params.default({}),
})

/** One route under `routes`, whether it is written in the file or put through the API. */
export const routeSettings = z.strictObject({
  variants: z.array(variant).min(1),
  rules: rules.optional(),
  adaptive: adaptive.optional(),
  /** Mixed into the sticky hash: change it to draw the subjects anew. */
  seed: z.string().optional(),
  experiment: experiment.optional(),
  rollout: rollout.optional(),
  shadow: shadow.optional(),
  scoring: scoring.optional(),
  /** A rollout of this route starts only when its candidate has passed this suite. */
  eval_suite: z.string().min(1).optional(),
  timeouts: timeouts.optional(),
  retry: retry.optional(),
  cache: routeCache.optional(),
  guardrails: routeGuardrails.optional(),
})

const collection = z.strictObject({
  embedding: name,
  index: z.enum(['hnsw', 'pgvector', 'exact']).default('hnsw'),
  /** Longest chunk in tokens of the embedding model. Small chat models answer better from short ones. */
  max_chunk_tokens: positive.max(2048).optional(),
  /** Folders or files ingested at start; unchanged documents cost a hash. */
  sources: z.array(z.string()).default([]),
})

const count = positive.max(1_000_000_000_000)

/** For each of a dimension, or for the one it names: then in place of the rules without a name. */
const limitRule = z.strictObject({
  per: z.enum(dimensions),
  name: z.string().min(1).optional(),
  requests_per_minute: count.optional(),
  requests_per_day: count.optional(),
  tokens_per_minute: count.optional(),
  tokens_per_day: count.optional(),
  /** Requests at the same time, counted by each replica for itself. */
  concurrency: count.optional(),
})

const budget = z
  .strictObject({
    per: z.enum(dimensions),
    name: z.string().min(1).optional(),
    /** Days and months begin at midnight UTC. */
    period: z.enum(['day', 'month', 'total']),
    usd: z.number().positive().max(1_000_000),
    /** Warn once in a period when so much is spent or reserved. */
    warn_percent: z.number().positive().max(100).optional(),
    /** Where the warning is posted; it is logged in any case. */
    webhook: z.url({ protocol: /^https?$/ }).optional(),
    /** Instead of a refusal: the request goes to this route, or to this variant of it, when its cost still fits. */
    on_exceeded: z.strictObject({ fallback: name, variant: name.optional() }).optional(),
  })
  .refine((rule) => rule.webhook === undefined || rule.warn_percent !== undefined, { message: 'needs warn_percent', path: ['webhook'] })

/** Where the files of registered models are kept; the state folder when absent. */
const artifacts = z.strictObject({
  bucket: z.string().min(1),
  /** Of an S3-compatible service; AWS in `region` when absent. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  region: z.string().optional(),
  access_key_id: z.string().min(1),
  secret_access_key: z.string().min(1),
  prefix: z.string().optional(),
})

/** What routes, models, providers and collections may be called. */
export const configName = name

export const weirConfigSchema = z.strictObject({
  auth,
  artifacts: artifacts.optional(),
  cache: cacheStore.default({ store: 'database' }),
  providers: z.record(name, provider).default({}),
  models: z.record(name, model).default({}),
  routes: z.record(name, routeSettings).default({}),
  collections: z.record(name, collection).default({}),
  metrics,
  guardrails,
  monitors,
  defaults: z
    .strictObject({
      timeouts: timeouts.prefault({}).transform((given) => over(standard.timeouts, given)),
      retry: retry.prefault({}).transform((given) => over(standard.retry, given)),
      breaker: breaker.prefault({}),
      /** For routes without a `cache` of their own, the models' own routes included. */
      cache: routeCache.optional(),
      /** Memory for cached answers, in front of the database. Read at start. */
      cache_memory_bytes: positive.default(64 * 1024 * 1024),
      /** What traces keep of prompts and answers. */
      payloads: z.enum(['keep', 'off']).default('keep'),
      payload_days: positive.default(30),
      trace_days: positive.default(400),
      max_body_bytes: positive.default(4 * 1024 * 1024),
    })
    .prefault({}),
  limits: z.array(limitRule).default([]),
  budgets: z.array(budget).default([]),
  /** Scopes that a key gets when none are named. */
  keys: z.strictObject({ default_scopes: z.array(z.enum(scopes)).min(1).default(['inference']) }).prefault({}),
})

export type WeirConfig = z.infer<typeof weirConfigSchema>
export type ModelConfig = WeirConfig['models'][string]
export type RouteConfig = WeirConfig['routes'][string]
export type ProviderConfig = WeirConfig['providers'][string]
