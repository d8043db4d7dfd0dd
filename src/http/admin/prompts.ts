import { OpenAPIHono } from '@hono/zod-openapi'
import type { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ChatMessage } from '../../models/chat-model.ts'
import { diffRendered, diffSettings, diffSources, type RenderCase } from '../../prompts/diff.ts'
import { type FindPassingEvalRun, type LabelEvent, labelEvents, promoteLabel, rollbackLabel } from '../../prompts/labels.ts'
import { lintTree } from '../../prompts/lint.ts'
import { reportPlan } from '../../prompts/plan-report.ts'
import { openPrompt, type RenderedPrompt } from '../../prompts/prompt.ts'
import { syncPrompts } from '../../prompts/sync.ts'
import {
  findVersion,
  listPrompts,
  loadVersion,
  type PromptSummary,
  type PromptVersion,
  promptSummary,
  versionHistory,
  versionNumber,
} from '../../prompts/versions.ts'
import type { Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'
import * as schemas from './prompt-schemas.ts'

export type PromptRouteDeps = {
  db: Database
  clock: Clock
  findPassingEvalRun: FindPassingEvalRun
  /** The cases of a prompt's eval suite, for rendered diffs; none when it has no suite. */
  casesOf: (promptName: string) => Promise<RenderCase[]>
}

/** `/admin/prompts`: what `weir prompts …` does, under the same names. */
export const promptRoutes = ({ db, clock, findPassingEvalRun, casesOf }: PromptRouteDeps): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  const tag = 'prompts'
  const sourceOf = async (name: string, reference: string | number) => {
    const version = typeof reference === 'number' ? reference : versionNumber(await promptSummary(db, name), reference)
    return loadVersion(db, name, version)
  }

  documented(
    app,
    'get',
    '/',
    { tag, summary: 'Every prompt with its labels', response: { description: 'Prompts by name', schema: schemas.promptList } },
    async (c) => c.json({ object: 'list', data: (await listPrompts(db)).map(summaryJson) }),
  )
  documented(
    app,
    'post',
    '/sync',
    {
      tag,
      summary: 'Make the database hold what a tree of prompt files holds, or say what that would change',
      body: schemas.syncBody,
      maxBytes: treeBytes,
      response: { description: 'The changes, made or (dry_run) planned', schema: schemas.syncReport },
    },
    async (c, { body }) => {
      const { files, dry_run: dryRun, reason, git_commit: gitCommit = null } = body
      const request = { files, actor: actorOf(c), reason, gitCommit, provenance: originsOf(body.provenance), nowMs: clock() }
      const plan = await syncPrompts(db, { ...request, dryRun })
      const changes = await reportPlan(db, plan)
      return c.json({
        dry_run: dryRun,
        unchanged: plan.unchanged,
        changes: changes.map(({ closureHash, ...change }) => ({ ...change, closure_hash: closureHash })),
      })
    },
  )
  documented(
    app,
    'post',
    '/lint',
    {
      tag,
      summary: 'Find the faults of a tree of prompt files',
      body: schemas.lintBody,
      maxBytes: treeBytes,
      response: { description: 'Problems with file, line and column', schema: schemas.lintReport },
    },
    async (c, { body }) => c.json(await lintTree(body.files)),
  )
  documented(
    app,
    'get',
    '/{name}/versions',
    { tag, summary: 'Versions, newest first', response: { description: 'Versions without their texts', schema: schemas.versionList } },
    async (c, { path }) => {
      const { name } = await promptSummary(db, path('name'))
      return c.json({ object: 'list', data: (await versionHistory(db, name)).map(versionJson) })
    },
  )
  documented(
    app,
    'get',
    '/{name}/events',
    {
      tag,
      summary: 'Moves of labels, oldest first: who, when, why, from, to',
      query: schemas.eventsQuery,
      response: { description: 'Events', schema: schemas.eventList },
    },
    async (c, { path, query }) => {
      const { name } = await promptSummary(db, path('name'))
      return c.json({ object: 'list', data: (await labelEvents(db, name, query.label)).map(eventJson) })
    },
  )
  documented(
    app,
    'post',
    '/{name}/promote',
    {
      tag,
      summary: 'Move a label to a version, if it still is where expected',
      body: schemas.promoteBody,
      response: { description: 'The event', schema: schemas.labelEvent },
    },
    async (c, { path, body }) => {
      const { expected_version: expectedVersion, ...move } = body
      const promotion = { name: path('name'), ...move, expectedVersion, actor: actorOf(c), nowMs: clock() }
      return c.json(eventJson(await promoteLabel(db, findPassingEvalRun, promotion)))
    },
  )
  documented(
    app,
    'post',
    '/{name}/rollback',
    {
      tag,
      summary: 'Move a label back to where it stood before',
      body: schemas.rollbackBody,
      response: { description: 'The event', schema: schemas.labelEvent },
    },
    async (c, { path, body }) => {
      const { expected_version: expectedVersion, label, reason } = body
      const rollback = { name: path('name'), label, reason, expectedVersion, actor: actorOf(c), nowMs: clock() }
      return c.json(eventJson(await rollbackLabel(db, rollback)))
    },
  )
  documented(
    app,
    'post',
    '/{name}/diff',
    {
      tag,
      summary: 'Compare two versions: source, settings, and renderings of the given cases or those of the eval suite',
      body: schemas.diffBody,
      response: { description: 'Three diffs', schema: schemas.diffReport },
    },
    async (c, { path, body }) => {
      const name = path('name')
      const [from, to] = [await sourceOf(name, body.from), await sourceOf(name, body.to)]
      const [before, after] = [openPrompt(from), openPrompt(to)]
      const rendered = diffRendered(before, after, body.cases ?? (await casesOf(name)))
      return c.json({ from: from.version, to: to.version, source: diffSources(from, to), settings: diffSettings(before, after), rendered })
    },
  )
  documented(
    app,
    'post',
    '/{name}/render',
    {
      tag,
      summary: 'Render a version with variables, without asking a model',
      body: schemas.renderBody,
      response: { description: 'Messages and settings', schema: schemas.renderedPrompt },
    },
    async (c, { path, body }) => {
      const { version: reference, ...request } = body
      const source = await sourceOf(path('name'), reference)
      return c.json({ version: source.version, ...renderedJson(openPrompt(source).render(request)) })
    },
  )
  documented(
    app,
    'get',
    '/{name}',
    {
      tag,
      summary: 'A prompt and the text of one version',
      query: schemas.showQuery,
      response: { description: 'The version, with the partials pinned to it', schema: schemas.shownPrompt },
    },
    async (c, { path, query }) => {
      const summary = await promptSummary(db, path('name'))
      const version = await findVersion(db, summary.name, versionNumber(summary, query.version))
      const { partials } = await loadVersion(db, summary.name, version.version)
      const { source, frontMatter } = version
      return c.json({ ...summaryJson(summary), ...versionJson(version), source, partials, front_matter: frontMatter })
    },
  )
  return app
}

/** 2,000 prompts of 2 kB are 4 MB; a tree may be ten times that. */
const treeBytes = 48 * 1024 * 1024

const originsOf = (provenance: z.output<typeof schemas.syncBody>['provenance']) =>
  provenance &&
  Object.fromEntries(
    Object.entries(provenance).map(([path, { git_commit: gitCommit, author, message }]) => [path, { gitCommit, author, message }]),
  )

const timeOf = (ms: number): string => new Date(ms).toISOString()

const summaryJson = ({ archivedAtMs, ...summary }: PromptSummary) => ({
  ...summary,
  archived_at: archivedAtMs === null ? null : timeOf(archivedAtMs),
})

const versionJson = (version: Omit<PromptVersion, 'source' | 'partials' | 'frontMatter'>) => ({
  version: version.version,
  closure_hash: version.closureHash,
  git_commit: version.gitCommit,
  git_path: version.gitPath,
  author: version.author,
  message: version.message,
  created_by: version.createdBy,
  created_at: timeOf(version.createdAtMs),
})

const eventJson = (event: LabelEvent) => ({
  id: event.id,
  label: event.label,
  kind: event.kind,
  from_version: event.fromVersion,
  to_version: event.toVersion,
  actor: event.actor,
  reason: event.reason,
  eval_run_id: event.evalRunId,
  override: event.override,
  at: timeOf(event.atMs),
})

const renderedJson = ({ name, closureHash, model, messages, sampling, tools, responseFormat }: RenderedPrompt) => ({
  name,
  closure_hash: closureHash,
  model: model ?? null,
  messages: messages.map(messageJson),
  config: Object.fromEntries(
    Object.entries(sampling).map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  ),
  tools,
  response_format: responseFormat ?? null,
})

/** Content parts in OpenAI's shape. */
const messageJson = (message: ChatMessage) => {
  if (typeof message.content === 'string' || message.content === null) return message
  const content = message.content.map((part) => (part.type === 'text' ? part : { type: 'image_url', image_url: { url: part.url } }))
  return { ...message, content }
}
