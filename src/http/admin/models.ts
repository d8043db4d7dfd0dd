import { OpenAPIHono } from '@hono/zod-openapi'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../lib/clock.ts'
import { AppError } from '../../lib/errors.ts'
import { type AliasEvent, aliasEvents, type IndexExists, promoteAlias, rollbackAlias } from '../../registry/aliases.ts'
import { cardPolicy, renderCard } from '../../registry/card.ts'
import type { HubOptions } from '../../registry/hub.ts'
import {
  type Artifacts,
  addHostedModel,
  addModel,
  type GivenFacts,
  type Installation,
  planPull,
  pullModel,
} from '../../registry/install.ts'
import { observationHistory } from '../../registry/observations.ts'
import { findModelVersion, listModels, type ModelVersion, modelSummary, modelVersionHistory } from '../../registry/versions.ts'
import type { EdgeContext, Env } from '../context.ts'
import { actorOf } from './actor.ts'
import { documented } from './documented.ts'
import { lines } from './lines.ts'
import * as schemas from './model-schemas.ts'

export type ModelRouteDeps = {
  db: Database
  clock: Clock
  artifacts: Artifacts
  hub: HubOptions
  /** Versions of what runs models here, such as `{ "node-llama-cpp": "3.22.1" }`; recorded with each version registered. */
  runtime: Record<string, string>
  indexExists: IndexExists
}

/** `/admin/models`: what `weir models …` does, under the same names. */
export const modelRoutes = ({ db, clock, artifacts, hub, runtime, indexExists }: ModelRouteDeps): OpenAPIHono<Env> => {
  const app = new OpenAPIHono<Env>()
  const tag = 'models'
  const installationOf = (c: EdgeContext, body: schemas.GivenBody & Pick<Installation, 'kind' | 'reason'>, name: string): Installation => ({
    name,
    kind: body.kind,
    given: givenFacts(body, runtime),
    card: body.card ?? null,
    actor: actorOf(c),
    reason: body.reason,
    nowMs: clock(),
  })

  documented(
    app,
    'get',
    '/',
    { tag, summary: 'Every registered model with its aliases', response: { description: 'Models by name', schema: schemas.modelList } },
    async (c) => c.json({ object: 'list', data: await listModels(db) }),
  )
  documented(
    app,
    'post',
    '/add',
    {
      tag,
      summary: "Register a file or folder of the server's machine, or a hosted model",
      body: schemas.addBody,
      response: { description: 'Progress by file, then the version', type: 'application/x-ndjson' },
    },
    (c, { body }) => {
      const installation = installationOf(c, body, body.name)
      const { path, hosted } = body
      if ((path === undefined) === (hosted === undefined))
        throw new AppError('invalid_request', 'name a path or a hosted model', { param: 'path' })
      return lines(c, async (line, signal) => {
        const progress = ({ path: file, size }: { path: string; size: number }) =>
          line({ type: 'progress', file, done_bytes: size, total_bytes: size })
        const installed = hosted
          ? await addHostedModel(db, hosted, installation)
          : await addModel(db, artifacts, path ?? '', installation, progress, signal)
        line({ type: 'done', name: body.name, ...installed })
      })
    },
  )
  documented(
    app,
    'post',
    '/pull',
    {
      tag,
      summary: 'Fetch a model from the Hugging Face hub, or a mirror, check its hashes and register it',
      body: schemas.pullBody,
      response: { description: 'Progress by file, then the version', type: 'application/x-ndjson' },
    },
    async (c, { body }) => {
      const plan = await planPull(hub, body.source, body.files, c.req.raw.signal)
      const name = body.name ?? plan.repo
      const installation = installationOf(c, body, name)
      return lines(c, async (line, signal) => {
        const progress = everySoOften((update: { path: string; doneBytes: number; totalBytes: number }) =>
          line({ type: 'progress', file: update.path, done_bytes: update.doneBytes, total_bytes: update.totalBytes }),
        )
        line({ type: 'started', name, commit: plan.commit, files: plan.files.length, total_bytes: plan.totalBytes })
        const installed = await pullModel(db, artifacts, hub, plan, installation, progress, signal)
        line({ type: 'done', name, ...installed })
      })
    },
  )
  documented(
    app,
    'get',
    '/observed',
    {
      tag,
      summary: 'Which model a host answered with when asked for a name, newest first; one row per change',
      query: schemas.observedQuery,
      response: { description: 'Observations', schema: schemas.observationList },
    },
    async (c, { query }) => {
      const rows = await observationHistory(db, query)
      return c.json({ object: 'list', data: rows.map(({ echoed, atMs }) => ({ echoed, at: timeOf(atMs) })) })
    },
  )
  documented(
    app,
    'get',
    '/{name}/versions',
    { tag, summary: 'Versions, newest first', response: { description: 'Versions', schema: schemas.versionList } },
    async (c, { path }) => {
      const { name } = await modelSummary(db, path('name'))
      return c.json({ object: 'list', data: (await modelVersionHistory(db, name)).map(versionJson) })
    },
  )
  documented(
    app,
    'get',
    '/{name}/events',
    {
      tag,
      summary: 'Moves of aliases, oldest first: who, when, why, from, to',
      query: schemas.eventsQuery,
      response: { description: 'Events', schema: schemas.eventList },
    },
    async (c, { path, query }) => {
      const { name } = await modelSummary(db, path('name'))
      return c.json({ object: 'list', data: (await aliasEvents(db, name, query.alias)).map(eventJson) })
    },
  )
  documented(
    app,
    'post',
    '/{name}/promote',
    {
      tag,
      summary: 'Move an alias to a version, if it still is where expected; an embedding model needs an index built with that version',
      body: schemas.promoteBody,
      response: { description: 'The event', schema: schemas.aliasEvent },
    },
    async (c, { path, body }) => {
      const { expected_version: expectedVersion, ...move } = body
      const request = { name: path('name'), ...move, expectedVersion, actor: actorOf(c), nowMs: clock() }
      return c.json(eventJson(await promoteAlias(db, indexExists, request)))
    },
  )
  documented(
    app,
    'post',
    '/{name}/rollback',
    {
      tag,
      summary: 'Move an alias back to where it stood before',
      body: schemas.rollbackBody,
      response: { description: 'The event', schema: schemas.aliasEvent },
    },
    async (c, { path, body }) => {
      const { expected_version: expectedVersion, alias, reason } = body
      const request = { name: path('name'), alias, reason, expectedVersion, actor: actorOf(c), nowMs: clock() }
      return c.json(eventJson(await rollbackAlias(db, indexExists, request)))
    },
  )
  documented(
    app,
    'post',
    '/{name}/verify',
    {
      tag,
      summary: 'Read the stored files of a version again and compare them with its manifest',
      body: schemas.verifyBody,
      response: { description: 'The state of each file', schema: schemas.verifyReport },
    },
    async (c, { path, body }) => {
      const { modelName, version, manifest } = await findModelVersion(db, path('name'), String(body.version))
      const files: { path: string; state: string }[] = []
      for (const file of manifest) files.push({ path: file.path, state: await artifacts.store.verify(file, c.req.raw.signal) })
      return c.json({ name: modelName, version, ok: files.every(({ state }) => state === 'ok'), files })
    },
  )
  documented(
    app,
    'get',
    '/{name}/{version}/card',
    { tag, summary: 'The model card as a page', response: { description: 'HTML without scripts', type: 'text/html' } },
    async (c, { path }) => {
      const model = await findModelVersion(db, path('name'), path('version'))
      const title = `${model.modelName}, version ${model.version}`
      const html = renderCard({ title, facts: factRows(model), card: model.card })
      return c.html(html, 200, { 'content-security-policy': cardPolicy, 'x-content-type-options': 'nosniff' })
    },
  )
  documented(
    app,
    'get',
    '/{name}',
    {
      tag,
      summary: 'A model and one of its versions: files, metadata, origin',
      query: schemas.showQuery,
      response: { description: 'The version', schema: schemas.shownModel },
    },
    async (c, { path, query }) => {
      const summary = await modelSummary(db, path('name'))
      const version = await findModelVersion(db, summary.name, query.version)
      const { manifest, facts, card } = version
      return c.json({ ...summary, ...versionJson(version), files: manifest, facts: factsJson(facts), has_card: card !== null })
    },
  )
  return app
}

const givenFacts = (body: schemas.GivenBody, runtime: Record<string, string>): GivenFacts => {
  const { embedding } = body
  const given: Record<keyof GivenFacts, unknown> = {
    runtime: body.runtime ?? runtime,
    baseModel: body.base_model,
    licence: body.licence,
    source: body.source,
    revision: body.revision,
    trainingData: body.training_data,
    hyperparameters: body.hyperparameters,
    metrics: body.metrics,
    embedding: embedding && {
      dimensions: embedding.dimensions,
      pooling: embedding.pooling,
      queryPrefix: embedding.query_prefix,
      passagePrefix: embedding.passage_prefix,
    },
    hosted: undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as GivenFacts
}

/** At most four lines a second, and the last of each file. */
const everySoOften = <T extends { path: string; doneBytes: number; totalBytes: number }>(
  tell: (update: T) => void,
): ((update: T) => void) => {
  let toldAt = 0
  return (update) => {
    const now = performance.now()
    if (now - toldAt < 250 && update.doneBytes < update.totalBytes) return
    toldAt = now
    tell(update)
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()

const versionJson = (version: Awaited<ReturnType<typeof modelVersionHistory>>[number]) => ({
  version: version.version,
  format: version.format,
  manifest_hash: version.manifestHash,
  created_by: version.createdBy,
  reason: version.reason,
  created_at: timeOf(version.createdAtMs),
})

const eventJson = (event: AliasEvent) => ({
  id: event.id,
  alias: event.alias,
  kind: event.kind,
  from_version: event.fromVersion,
  to_version: event.toVersion,
  actor: event.actor,
  reason: event.reason,
  at: timeOf(event.atMs),
})

/** Our own keys in the API's spelling; what people gave stays as they gave it. */
const factsJson = (facts: ModelVersion['facts']): Record<string, unknown> => {
  const { trainingData, hyperparameters, metrics, runtime, ...own } = facts
  return { ...(snakeCased(own) as object), runtime, training_data: trainingData, hyperparameters, metrics }
}

const snakeCased = (value: unknown): unknown =>
  value === null || typeof value !== 'object' || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), snakeCased(item)]),
      )

const factRows = ({ kind, format, manifest, manifestHash, facts }: ModelVersion): [string, string][] => {
  const bytes = manifest.reduce((sum, file) => sum + file.size, 0)
  const rows: [string, unknown][] = [
    ['Kind', kind],
    ['Format', format],
    ['Architecture', facts.gguf?.architecture],
    ['Quantisation', facts.gguf?.quantisation],
    ['Context length', facts.gguf?.contextLength],
    ['Files', manifest.length > 0 ? `${manifest.length}, ${bytes} bytes` : undefined],
    ['Manifest hash', manifestHash],
    ['Base model', facts.baseModel],
    ['Licence', facts.licence],
    ['Source', facts.source],
    ['Revision', facts.revision],
    ['Training data', facts.trainingData],
    ['Hyperparameters', facts.hyperparameters],
    ['Metrics', facts.metrics],
  ]
  return rows.flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[name, typeof value === 'object' ? JSON.stringify(value) : String(value)]],
  )
}
