import { and, desc, eq, getTableColumns, inArray, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { promptLabels, promptPartials, prompts, promptVersions } from '../db/schema/prompts.ts'
import { AppError } from '../lib/errors.ts'
import type { PromptSource } from './prompt.ts'

export type PromptVersion = typeof promptVersions.$inferSelect
export type PromptSummary = {
  name: string
  /** What the last sync found in the tree. Computed, never a label that serves. */
  latest: number
  archivedAtMs: number | null
  description: string | null
  labels: Record<string, number>
}

/** Every prompt with its labels, by name. */
export const listPrompts = async (db: Database): Promise<PromptSummary[]> => {
  const rows = await db
    .select({
      name: prompts.name,
      latest: prompts.headVersion,
      archivedAtMs: prompts.archivedAtMs,
      description: sql<string | null>`${promptVersions.frontMatter} ->> 'description'`,
    })
    .from(prompts)
    .innerJoin(promptVersions, and(eq(promptVersions.promptName, prompts.name), eq(promptVersions.version, prompts.headVersion)))
    .orderBy(prompts.name)
  const labels = new Map<string, Record<string, number>>()
  for (const { promptName, label, version } of await db.select().from(promptLabels)) {
    labels.set(promptName, { ...labels.get(promptName), [label]: version })
  }
  return rows.map((row) => ({ ...row, labels: labels.get(row.name) ?? {} }))
}

/** Throws `not_found`. */
export const promptSummary = async (db: Database, name: string): Promise<PromptSummary> => {
  const [row] = await db.select().from(prompts).where(eq(prompts.name, name))
  if (row === undefined) throw new AppError('not_found', `there is no prompt "${name}"`, { param: 'name' })
  const [head] = await db
    .select({ frontMatter: promptVersions.frontMatter })
    .from(promptVersions)
    .where(and(eq(promptVersions.promptName, name), eq(promptVersions.version, row.headVersion)))
  const labels = await db.select().from(promptLabels).where(eq(promptLabels.promptName, name))
  const description = head?.frontMatter.description
  return {
    name,
    latest: row.headVersion,
    archivedAtMs: row.archivedAtMs,
    description: typeof description === 'string' ? description : null,
    labels: Object.fromEntries(labels.map(({ label, version }) => [label, version])),
  }
}

/** A number, a label, or `latest`, as people name versions to look at. Throws `not_found`. */
export const versionNumber = (summary: PromptSummary, reference: string): number => {
  if (reference === 'latest') return summary.latest
  if (/^\d+$/.test(reference)) return Number(reference)
  const version = Object.hasOwn(summary.labels, reference) ? summary.labels[reference] : undefined
  if (version !== undefined) return version
  const known = ['latest', ...Object.keys(summary.labels)].join(', ')
  throw new AppError('not_found', `prompt "${summary.name}" has no label "${reference}"; it has ${known}`, { param: 'version' })
}

/** Throws `not_found`. */
export const findVersion = async (db: Database, name: string, version: number): Promise<PromptVersion> => {
  const [row] = await db
    .select()
    .from(promptVersions)
    .where(and(eq(promptVersions.promptName, name), eq(promptVersions.version, version)))
  if (row === undefined) throw new AppError('not_found', `there is no version ${version} of prompt "${name}"`, { param: 'version' })
  return row
}

/** Newest first, without their texts. */
export const versionHistory = (db: Database, name: string): Promise<Omit<PromptVersion, 'source' | 'partials' | 'frontMatter'>[]> => {
  const { source: _source, partials: _partials, frontMatter: _frontMatter, ...columns } = getTableColumns(promptVersions)
  return db.select(columns).from(promptVersions).where(eq(promptVersions.promptName, name)).orderBy(desc(promptVersions.version))
}

/** The texts that `openPrompt` needs, pinned partials included; versions that do not exist are left out. */
export const loadSources = async (
  db: Database,
  wanted: readonly { name: string; version: number }[],
): Promise<(PromptSource & { version: number })[]> => {
  if (wanted.length === 0) return []
  const keys = new Set(wanted.map(({ name, version }) => `${name}@${version}`))
  const rows = await db
    .select({
      name: promptVersions.promptName,
      version: promptVersions.version,
      path: promptVersions.gitPath,
      text: promptVersions.source,
      partials: promptVersions.partials,
    })
    .from(promptVersions)
    .where(
      and(
        inArray(promptVersions.promptName, [...new Set(wanted.map(({ name }) => name))]),
        inArray(promptVersions.version, [...new Set(wanted.map(({ version }) => version))]),
      ),
    )
  const found = rows.filter(({ name, version }) => keys.has(`${name}@${version}`))
  const texts = await partialTexts(db, new Set(found.flatMap(({ partials }) => Object.values(partials))))
  return found.map((row) => ({
    ...row,
    partials: Object.fromEntries(Object.entries(row.partials).map(([name, hash]) => [name, texts.get(hash) ?? ''])),
  }))
}

/** One version's texts. Throws `not_found`. */
export const loadVersion = async (db: Database, name: string, version: number): Promise<PromptSource & { version: number }> => {
  const [source] = await loadSources(db, [{ name, version }])
  if (source === undefined) throw new AppError('not_found', `there is no version ${version} of prompt "${name}"`, { param: 'version' })
  return source
}

const partialTexts = async (db: Database, hashes: Set<string>): Promise<Map<string, string>> => {
  if (hashes.size === 0) return new Map()
  const rows = await db
    .select()
    .from(promptPartials)
    .where(inArray(promptPartials.hash, [...hashes]))
  return new Map(rows.map(({ hash, text }) => [hash, text]))
}
