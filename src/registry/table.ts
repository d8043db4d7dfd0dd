import { eq } from 'drizzle-orm'
import type { Database, Listen } from '../db/database.ts'
import { createFollower } from '../db/follow.ts'
import { modelAliases, models, modelVersions } from '../db/schema/models.ts'
import { AppError } from '../lib/errors.ts'
import type { ArtifactFile } from './manifest.ts'
import type { ModelFacts, ModelFormat, ModelKind } from './model-version.ts'
import { currentRevision, modelChannel } from './revision.ts'

/** A registered version as traffic and engines need it. */
export type RegisteredModel = {
  name: string
  version: number
  /** The alias it was asked for by. */
  alias: string | undefined
  kind: ModelKind
  format: ModelFormat
  manifest: ArtifactFile[]
  /** Goes into the variant hash. */
  manifestHash: string
  facts: ModelFacts
}

/** Registered models in memory, so that `model@alias` costs a request no I/O. */
export type ModelTable = AsyncDisposable & {
  start(): Promise<void>
  /**
   * `name@alias`, `name@3`, or `name`, which means `name@production`. Undefined when no such model is registered, as the name may be a
   * route's or a configured model's; throws `model_not_found` when the model is and the version is not, and for `latest`.
   */
  resolve(reference: string): RegisteredModel | undefined
  /** Every name that `resolve` knows: `name@alias`, `name@version`, and `name` where production is set. */
  references(): string[]
  refresh(): Promise<void>
  close(): Promise<void>
}

export type ModelTableOptions = {
  db: Database
  listen: Listen
  pollMs: number
  /** Called after aliases or versions changed, not after every look. */
  onChange?: (() => void) | undefined
  onError: (error: unknown) => void
}

export const createModelTable = ({ db, listen, pollMs, onChange, onError }: ModelTableOptions): ModelTable => {
  let revision: number | undefined
  let entries: ReadonlyMap<string, Entry> = new Map()
  const reload = async () => {
    const found = await currentRevision(db)
    if (found === revision) return
    entries = await readEntries(db)
    revision = found
    onChange?.()
  }
  const { start, refresh, close } = createFollower({ listen, channel: modelChannel, pollMs, reload, onError })
  return {
    start,
    refresh,
    close,
    resolve: (reference) => resolveIn(entries, reference),
    references: () => referencesOf(entries),
    [Symbol.asyncDispose]: close,
  }
}

type Entry = { versions: Map<number, Omit<RegisteredModel, 'alias'>>; aliases: Map<string, number> }

const referencesOf = (entries: ReadonlyMap<string, Entry>): string[] =>
  [...entries].flatMap(([name, { versions, aliases }]) => [
    ...(aliases.has('production') ? [name] : []),
    ...[...aliases.keys(), ...versions.keys()].map((wanted) => `${name}@${wanted}`),
  ])

const resolveIn = (entries: ReadonlyMap<string, Entry>, reference: string): RegisteredModel | undefined => {
  const at = reference.lastIndexOf('@')
  const name = at < 0 ? reference : reference.slice(0, at)
  const wanted = at < 0 ? 'production' : reference.slice(at + 1)
  const entry = entries.get(name)
  if (entry === undefined) return undefined
  const alias = /^\d+$/.test(wanted) ? undefined : wanted
  const version = alias === undefined ? Number(wanted) : entry.aliases.get(alias)
  const found = version === undefined ? undefined : entry.versions.get(version)
  if (found) return { ...found, alias }
  if (at < 0) return undefined
  const known = [...entry.aliases.keys(), ...entry.versions.keys()].join(', ')
  throw new AppError('model_not_found', `model "${name}" has no alias or version "${wanted}"; it has ${known}`, { param: 'model' })
}

const readEntries = async (db: Database): Promise<Map<string, Entry>> => {
  const entries = new Map<string, Entry>()
  const rows = await db
    .select({
      name: models.name,
      kind: models.kind,
      version: modelVersions.version,
      format: modelVersions.format,
      manifest: modelVersions.manifest,
      manifestHash: modelVersions.manifestHash,
      facts: modelVersions.facts,
    })
    .from(models)
    .innerJoin(modelVersions, eq(modelVersions.modelName, models.name))
  for (const row of rows) {
    const entry = entries.get(row.name) ?? { versions: new Map(), aliases: new Map() }
    const model = { ...row, kind: row.kind as ModelKind, format: row.format as ModelFormat, facts: row.facts as ModelFacts }
    entry.versions.set(row.version, model)
    entries.set(row.name, entry)
  }
  for (const { modelName, alias, version } of await db.select().from(modelAliases)) entries.get(modelName)?.aliases.set(alias, version)
  return entries
}
