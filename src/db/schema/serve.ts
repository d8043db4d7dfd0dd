import { boolean, doublePrecision, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { epochMs } from '../columns.ts'

/** Metadata of requests, append-only; what was said is in `tracePayloads`. Columns as `Trace`. */
export const traces = pgTable('traces', {
  id: uuid('id').primaryKey(),
  startedAtMs: epochMs('started_at').notNull(),
  endpoint: text('endpoint').notNull(),
  status: text('status').notNull(),
  errorCode: text('error_code'),
  tenant: text('tenant').notNull(),
  keyId: text('key_id'),
  route: text('route').notNull(),
  variant: text('variant'),
  variantHash: text('variant_hash'),
  model: text('model'),
  upstreamModel: text('upstream_model'),
  subject: text('subject'),
  stream: boolean('stream').notNull(),
  finishReason: text('finish_reason'),
  promptTokens: integer('prompt_tokens'),
  completionTokens: integer('completion_tokens'),
  cachedTokens: integer('cached_tokens'),
  costUsd: doublePrecision('cost_usd'),
  cache: text('cache'),
  latencyMs: doublePrecision('latency_ms').notNull(),
  firstTokenMs: doublePrecision('first_token_ms'),
  queueMs: doublePrecision('queue_ms'),
  upstreamMs: doublePrecision('upstream_ms'),
  attempts: integer('attempts').notNull(),
  fellBackFrom: text('fell_back_from').array().notNull().default([]),
  metadata: jsonb('metadata').$type<{ [key: string]: string }>(),
  purpose: text('purpose').$type<'live' | 'shadow' | 'eval' | 'replay'>().notNull().default('live'),
  guardrails: jsonb('guardrails').$type<readonly { name: string; stage: string; outcome: string; labels: string[]; ms: number }[]>(),
  arm: text('arm').$type<'candidate' | 'control'>(),
  rule: text('rule'),
  escalation: jsonb('escalation').$type<{ from: string; reason: string; costUsd: number | null; upstreamMs: number }>(),
})

export const tracePayloads = pgTable('trace_payloads', {
  id: uuid('id').primaryKey(),
  startedAtMs: epochMs('started_at').notNull(),
  payload: jsonb('payload').$type<{ input: unknown; output: unknown; passages?: unknown }>().notNull(),
})

export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  tenant: text('tenant').notNull(),
  name: text('name').notNull(),
  /** The first characters of the secret, to tell keys apart. */
  prefix: text('prefix').notNull(),
  /** Lower-case hex sha256 of the secret. */
  hash: text('hash').notNull().unique(),
  scopes: text('scopes').array().notNull(),
  /** Null: every route. */
  allowedRoutes: text('allowed_routes').array(),
  metadata: jsonb('metadata').$type<{ [key: string]: string }>().notNull().default({}),
  origin: text('origin').$type<'first' | 'environment' | 'created'>().notNull(),
  createdAtMs: epochMs('created_at').notNull(),
  expiresAtMs: epochMs('expires_at'),
  revokedAtMs: epochMs('revoked_at'),
  /** Of the secret before the last rotation, which works until then. */
  previousHash: text('previous_hash'),
  previousUntilMs: epochMs('previous_until'),
  /** Origins of web pages that may use the key; null: no page of another site. */
  allowedOrigins: text('allowed_origins').array(),
})

/** The organisation above a tenant, for limits, budgets and reports. */
export const projects = pgTable('projects', {
  tenant: text('tenant').primaryKey(),
  organisation: text('organisation').notNull(),
})

/** Who did what, and why. A trigger refuses to change or delete a row. */
export const auditEvents = pgTable('audit_events', {
  id: uuid('id').primaryKey(),
  atMs: epochMs('at').notNull(),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  target: text('target').notNull(),
  beforeHash: text('before_hash'),
  afterHash: text('after_hash'),
  reason: text('reason'),
})
