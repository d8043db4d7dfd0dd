import { and, asc, desc, eq, max } from 'drizzle-orm'
import { lockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { modelAliases, models, modelVersions } from '../db/schema/models.ts'
import { AppError } from '../lib/errors.ts'
import { descriptionHash, identityHash, type ModelDescription, type ModelFacts, type ModelFormat, type ModelKind } from './model-version.ts'
import { announceChange } from './revision.ts'

export type ModelVersion = Omit<typeof modelVersions.$inferSelect, 'facts' | 'format'> & {
  kind: ModelKind
  format: ModelFormat
  facts: ModelFacts
}
export type ModelSummary = { name: string; kind: ModelKind; latest: number; aliases: Record<string, number> }

export type Registration = { name: string; description: ModelDescription; actor: string; reason: string; nowMs: number }

/** Registers a version; the same description again is the version it made before. Throws `invalid_request`, `conflict`. */
export const registerModel = async (db: Database, registration: Registration): Promise<{ version: number; created: boolean }> => {
  const { name, description, actor, reason, nowMs } = registration
  checkModelName(name)
  checkDescription(description)
  const versionHash = descriptionHash(description)
  return lockedTransaction(db, `models.${name}`, async (tx) => {
    const [model] = await tx.select().from(models).where(eq(models.name, name))
    if (model && model.kind !== description.kind) {
      throw new AppError('conflict', `"${name}" is registered as ${model.kind}, not ${description.kind}`, { param: 'kind' })
    }
    const versions = tx.select({ version: modelVersions.version }).from(modelVersions)
    const [same] = await versions.where(and(eq(modelVersions.modelName, name), eq(modelVersions.versionHash, versionHash)))
    if (same) return { version: same.version, created: false }
    if (!model) await tx.insert(models).values({ name, kind: description.kind, createdAtMs: nowMs })
    const [row] = await tx
      .select({ last: max(modelVersions.version) })
      .from(modelVersions)
      .where(eq(modelVersions.modelName, name))
    const version = (row?.last ?? 0) + 1
    await tx.insert(modelVersions).values({
      modelName: name,
      version,
      versionHash,
      manifest: description.manifest,
      manifestHash: identityHash(description),
      format: description.format,
      facts: description.facts,
      card: description.card,
      createdBy: actor,
      reason,
      createdAtMs: nowMs,
    })
    await announceChange(tx)
    return { version, created: true }
  })
}

/** Every registered model, by name. */
export const listModels = async (db: Database): Promise<ModelSummary[]> => {
  const rows = await db
    .select({ name: models.name, kind: models.kind, latest: max(modelVersions.version) })
    .from(models)
    .innerJoin(modelVersions, eq(modelVersions.modelName, models.name))
    .groupBy(models.name, models.kind)
    .orderBy(asc(models.name))
  const aliases = new Map<string, Record<string, number>>()
  for (const { modelName, alias, version } of await db.select().from(modelAliases)) {
    aliases.set(modelName, { ...aliases.get(modelName), [alias]: version })
  }
  return rows.map(({ name, kind, latest }) => ({ name, kind: kind as ModelKind, latest: latest ?? 0, aliases: aliases.get(name) ?? {} }))
}

/** Throws `not_found`. */
export const modelSummary = async (db: Database, name: string): Promise<ModelSummary> => {
  const [row] = await db
    .select({ kind: models.kind, latest: max(modelVersions.version) })
    .from(models)
    .innerJoin(modelVersions, eq(modelVersions.modelName, models.name))
    .where(eq(models.name, name))
    .groupBy(models.kind)
  if (row === undefined) throw new AppError('not_found', `no model "${name}" is registered`, { param: 'name' })
  const aliases = await db.select().from(modelAliases).where(eq(modelAliases.modelName, name))
  return {
    name,
    kind: row.kind as ModelKind,
    latest: row.latest ?? 0,
    aliases: Object.fromEntries(aliases.map(({ alias, version }) => [alias, version])),
  }
}

/** A version by number, alias or `latest`. Throws `not_found`. */
export const findModelVersion = async (db: Database, name: string, reference: string): Promise<ModelVersion> => {
  const { kind, latest, aliases } = await modelSummary(db, name)
  const known: Record<string, number> = { ...aliases, latest }
  const version = /^\d+$/.test(reference) ? Number(reference) : Object.hasOwn(known, reference) ? known[reference] : undefined
  if (version === undefined) {
    throw new AppError('not_found', `model "${name}" has no alias "${reference}"; it has ${Object.keys(known).join(', ')}`, {
      param: 'version',
    })
  }
  const [row] = await db
    .select()
    .from(modelVersions)
    .where(and(eq(modelVersions.modelName, name), eq(modelVersions.version, version)))
  if (row === undefined) throw new AppError('not_found', `there is no version ${version} of model "${name}"`, { param: 'version' })
  return { ...row, kind, format: row.format as ModelFormat, facts: row.facts as ModelFacts }
}

/** Newest first. */
export const modelVersionHistory = (db: Database, name: string) =>
  db
    .select({
      version: modelVersions.version,
      format: modelVersions.format,
      manifestHash: modelVersions.manifestHash,
      createdBy: modelVersions.createdBy,
      reason: modelVersions.reason,
      createdAtMs: modelVersions.createdAtMs,
    })
    .from(modelVersions)
    .where(eq(modelVersions.modelName, name))
    .orderBy(desc(modelVersions.version))

const checkModelName = (name: string): void => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(name) || name.length > 200) {
    throw new AppError('invalid_request', 'a model name has letters, digits, dots, _, - and slashes; @ separates its version', {
      param: 'name',
    })
  }
}

const checkDescription = ({ kind, format, manifest, facts }: ModelDescription): void => {
  if ((kind === 'hosted') !== (format === 'hosted') || (kind === 'hosted') !== (facts.hosted !== null)) {
    throw new AppError('invalid_request', 'a hosted model names a provider and a model there, and no other kind does', { param: 'hosted' })
  }
  if (kind !== 'hosted' && manifest.length === 0)
    throw new AppError('invalid_request', 'a model needs at least one file', { param: 'path' })
}
