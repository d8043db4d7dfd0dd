import { z } from 'zod'
import type { ChatMessage } from '../../models/chat-model.ts'

/** Bodies and answers of `/admin/prompts`, as the API spells them. */
const reason = z.string().trim().min(1).max(1000)
const file = z.strictObject({ path: z.string().min(1).max(512), text: z.string() })
const origin = z.strictObject({ git_commit: z.string().max(64), author: z.string().max(320), message: z.string().max(1000) })

/** A number, a label, or `latest`, for looking; traffic names labels and numbers only. */
const versionReference = z.union([z.int().min(1), z.string().min(1).max(64)])

export const syncBody = z.strictObject({
  files: z.array(file),
  dry_run: z.boolean().default(false),
  reason: reason.default('sync'),
  git_commit: z.string().max(64).nullish(),
  provenance: z.record(z.string(), origin).optional(),
})
export const lintBody = z.strictObject({ files: z.array(file) })

export const promoteBody = z.strictObject({
  label: z.string().max(64),
  version: z.int().min(1),
  expected_version: z.int().min(1).nullable(),
  reason,
  override: z.boolean().default(false),
})
export const rollbackBody = z.strictObject({ label: z.string().max(64), expected_version: z.int().min(1).nullable(), reason })

/** Messages of a history in OpenAI's shape, text only. */
const historyMessage = z
  .strictObject({ role: z.enum(['system', 'developer', 'user', 'assistant']), content: z.string() })
  .transform((message): ChatMessage => message)

const renderInput = {
  variables: z.record(z.string().max(64), z.unknown()).default({}),
  history: z.array(historyMessage).optional(),
  context: z.record(z.string().max(64), z.unknown()).optional(),
  sections: z.record(z.string().max(64), z.string()).optional(),
}
export const renderBody = z.strictObject({ version: versionReference.default('production'), ...renderInput })
export const diffBody = z.strictObject({
  from: versionReference,
  to: versionReference,
  cases: z.array(z.strictObject({ name: z.string().max(200), ...renderInput })).optional(),
})

export const eventsQuery = z.strictObject({ label: z.string().max(64).optional() })
export const showQuery = z.strictObject({ version: z.string().max(64).default('latest') })

const time = z.iso.datetime()
const summary = z.object({
  name: z.string(),
  latest: z.int(),
  archived_at: time.nullable(),
  description: z.string().nullable(),
  labels: z.record(z.string(), z.int()),
})
export const promptList = z.object({ object: z.literal('list'), data: z.array(summary) })

const versionFields = {
  version: z.int(),
  closure_hash: z.string(),
  git_commit: z.string().nullable(),
  git_path: z.string(),
  author: z.string().nullable(),
  message: z.string().nullable(),
  created_by: z.string(),
  created_at: time,
}
export const versionList = z.object({ object: z.literal('list'), data: z.array(z.object(versionFields)) })
export const shownPrompt = summary.extend({
  ...versionFields,
  source: z.string(),
  partials: z.record(z.string(), z.string()),
  front_matter: z.record(z.string(), z.unknown()),
})

export const labelEvent = z.object({
  id: z.string(),
  label: z.string(),
  kind: z.enum(['promote', 'rollback']),
  from_version: z.int().nullable(),
  to_version: z.int(),
  actor: z.string(),
  reason: z.string(),
  eval_run_id: z.string().nullable(),
  override: z.boolean(),
  at: time,
})
export const eventList = z.object({ object: z.literal('list'), data: z.array(labelEvent) })

const settingChange = z.object({ path: z.string(), from: z.unknown(), to: z.unknown() })
export const syncReport = z.object({
  dry_run: z.boolean(),
  unchanged: z.int(),
  changes: z.array(
    z.object({
      kind: z.enum(['create', 'update', 'restore', 'reformat', 'archive']),
      name: z.string(),
      from: z.int().nullable(),
      to: z.int().nullable(),
      closure_hash: z.string().nullable(),
      files: z.array(z.string()),
      patch: z.string(),
      settings: z.array(settingChange),
    }),
  ),
})
export const lintReport = z.object({
  prompts: z.int(),
  problems: z.array(z.object({ file: z.string(), line: z.int(), column: z.int(), rule: z.string(), message: z.string() })),
})
export const diffReport = z.object({
  from: z.int(),
  to: z.int(),
  source: z.string(),
  settings: z.array(settingChange),
  rendered: z.array(z.object({ name: z.string(), from: z.string(), to: z.string(), patch: z.string() })),
})
export const renderedPrompt = z.object({
  name: z.string(),
  version: z.int(),
  closure_hash: z.string(),
  model: z.string().nullable(),
  messages: z.array(z.record(z.string(), z.unknown())),
  config: z.record(z.string(), z.unknown()),
  tools: z.array(z.record(z.string(), z.unknown())),
  response_format: z.record(z.string(), z.unknown()).nullable(),
})
