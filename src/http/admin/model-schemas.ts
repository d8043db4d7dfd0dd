import { z } from 'zod'
import { modelKinds } from '../../registry/model-version.ts'

/** Bodies and answers of `/admin/models`, as the API spells them. */
const name = z.string().min(1).max(200)
const reason = z.string().trim().min(1).max(1000)

/** What its maker says of a model; what is left out is read from its files where they say it. */
const given = {
  runtime: z.record(z.string().max(64), z.string().max(64)).optional(),
  base_model: z.string().max(512).optional(),
  licence: z.string().max(200).optional(),
  source: z.string().max(1000).optional(),
  revision: z.string().max(200).optional(),
  training_data: z.unknown().optional(),
  hyperparameters: z.unknown().optional(),
  metrics: z.unknown().optional(),
  embedding: z
    .strictObject({
      dimensions: z.int().min(1),
      pooling: z.string().max(32).default('mean'),
      query_prefix: z.string().max(200).default(''),
      passage_prefix: z.string().max(200).default(''),
    })
    .optional(),
  card: z.string().max(1_000_000).optional(),
}
const registration = { name, kind: z.enum(modelKinds), reason: reason.default('registered'), ...given }

export const addBody = z.strictObject({
  ...registration,
  /** A file or folder on the server's machine. */
  path: z.string().min(1).optional(),
  hosted: z.strictObject({ provider: z.string().min(1).max(200), model: z.string().min(1).max(200) }).optional(),
})
export const pullBody = z.strictObject({
  ...registration,
  name: name.optional(),
  kind: z.enum(modelKinds).default('llm'),
  /** `hf:owner/name:quantisation`. */
  source: z.string().min(1).max(512),
  /** Paths in the repository, when it is not one set of GGUF weights. */
  files: z.array(z.string().min(1).max(512)).max(500).default([]),
})
export const promoteBody = z.strictObject({
  alias: z.string().max(64),
  version: z.int().min(1),
  expected_version: z.int().min(1).nullable(),
  reason,
})
export const rollbackBody = z.strictObject({ alias: z.string().max(64), expected_version: z.int().min(1).nullable(), reason })
export const verifyBody = z.strictObject({ version: z.union([z.int().min(1), z.string().max(64)]).default('latest') })
export const showQuery = z.strictObject({ version: z.string().max(64).default('latest') })
export const eventsQuery = z.strictObject({ alias: z.string().max(64).optional() })
export const observedQuery = z.strictObject({ provider: z.string().max(200), requested: z.string().max(200) })

export type GivenBody = Pick<z.output<typeof addBody>, keyof typeof given>

const time = z.iso.datetime()
const summary = { name: z.string(), kind: z.enum(modelKinds), latest: z.int(), aliases: z.record(z.string(), z.int()) }
export const modelList = z.object({ object: z.literal('list'), data: z.array(z.object(summary)) })

const versionFields = {
  version: z.int(),
  format: z.string(),
  manifest_hash: z.string(),
  created_by: z.string(),
  reason: z.string(),
  created_at: time,
}
export const versionList = z.object({ object: z.literal('list'), data: z.array(z.object(versionFields)) })
export const shownModel = z.object({
  ...summary,
  ...versionFields,
  files: z.array(z.object({ path: z.string(), size: z.int(), sha256: z.string() })),
  facts: z.record(z.string(), z.unknown()),
  has_card: z.boolean(),
})
export const aliasEvent = z.object({
  id: z.string(),
  alias: z.string(),
  kind: z.enum(['promote', 'rollback']),
  from_version: z.int().nullable(),
  to_version: z.int(),
  actor: z.string(),
  reason: z.string(),
  at: time,
})
export const eventList = z.object({ object: z.literal('list'), data: z.array(aliasEvent) })
export const verifyReport = z.object({
  name: z.string(),
  version: z.int(),
  ok: z.boolean(),
  files: z.array(z.object({ path: z.string(), state: z.enum(['ok', 'missing', 'mismatch']) })),
})
export const observationList = z.object({ object: z.literal('list'), data: z.array(z.object({ echoed: z.string(), at: time })) })
