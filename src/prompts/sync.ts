import { and, eq, inArray, sql } from 'drizzle-orm'
import { lockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { promptPartials, promptSyncEvents, prompts, promptVersions } from '../db/schema/prompts.ts'
import { hashOf, sha256 } from '../lib/hash.ts'
import { uuidv7 } from '../lib/ids.ts'
import { type Change, compareTree, planSync, type StoredHead, type SyncPlan, type TreeChanges } from './plan.ts'
import { announceChange } from './revision.ts'
import type { TreeFile } from './tree.ts'

export type SyncRequest = {
  /** The whole tree: prompts that are not in it are archived. */
  files: TreeFile[]
  /** Computes the plan and changes nothing. */
  dryRun: boolean
  actor: string
  reason: string
  /** Commit of the checkout, when it is one. */
  gitCommit: string | null
  /** Where each path comes from; files not named here were not committed. */
  provenance?: Record<string, Provenance> | undefined
  nowMs: number
}
export type Provenance = { gitCommit: string; author: string; message: string }

/** Makes the database hold what the tree holds: git → database, all or nothing, and again the same without effect. Throws PromptFileError. */
export const syncPrompts = async (db: Database, request: SyncRequest): Promise<SyncPlan> => {
  const heads = await storedHeads(db)
  const changes = await compareTree(request.files, heads)
  if (request.dryRun) return planFor(db, changes)
  if (changes.touched.length + changes.gone.length === 0) return { changes: [], unchanged: changes.unchanged }
  return lockedTransaction(db, 'prompts.sync', async (tx) => {
    // The slow reading was done outside the lock; it is done again only if another sync came in between.
    const headsNow = await storedHeads(tx)
    const plan = await planFor(tx, sameHeads(heads, headsNow) ? changes : await compareTree(request.files, headsNow))
    if (plan.changes.length === 0) return plan
    await apply(tx, plan.changes, request)
    await tx.insert(promptSyncEvents).values({
      id: uuidv7(),
      actor: request.actor,
      reason: request.reason,
      gitCommit: request.gitCommit,
      changes: plan.changes.map((change) => ({ name: change.name, kind: change.kind, version: 'to' in change ? change.to : change.from })),
      atMs: request.nowMs,
    })
    await announceChange(tx)
    return plan
  })
}

const planFor = async (db: Database, changes: TreeChanges): Promise<SyncPlan> => {
  const stored = changes.touched.filter(({ head }) => head !== undefined).map(({ name }) => name)
  return planSync(changes, stored.length === 0 ? new Map() : await versionsByClosure(db, stored))
}

const sameHeads = (left: ReadonlyMap<string, StoredHead>, right: ReadonlyMap<string, StoredHead>): boolean =>
  left.size === right.size && [...left.values()].every((head) => hashOf(head) === hashOf(right.get(head.name)))

const storedHeads = async (db: Database): Promise<Map<string, StoredHead>> => {
  const rows = await db
    .select({
      name: prompts.name,
      archivedAtMs: prompts.archivedAtMs,
      version: prompts.headVersion,
      contentHash: prompts.headContentHash,
      partials: promptVersions.partials,
    })
    .from(prompts)
    .innerJoin(promptVersions, and(eq(promptVersions.promptName, prompts.name), eq(promptVersions.version, prompts.headVersion)))
  return new Map(rows.map(({ archivedAtMs, ...row }) => [row.name, { ...row, archived: archivedAtMs !== null }]))
}

const versionsByClosure = async (db: Database, names: string[]): Promise<Map<string, Map<string, number>>> => {
  const rows = await db
    .select({ name: promptVersions.promptName, closureHash: promptVersions.closureHash, version: promptVersions.version })
    .from(promptVersions)
    .where(inArray(promptVersions.promptName, names))
  const versions = new Map<string, Map<string, number>>()
  for (const { name, closureHash, version } of rows) {
    const known = versions.get(name) ?? new Map<string, number>()
    versions.set(name, known.set(closureHash, version))
  }
  return versions
}

const apply = async (tx: Database, changes: Change[], request: SyncRequest): Promise<void> => {
  const heads = changes.filter((change) => change.kind !== 'archive')
  const made = heads.filter((change): change is NewVersion => 'prompt' in change)
  const archived = changes.filter((change) => change.kind === 'archive').map(({ name }) => name)
  for (const batch of batches(heads)) await setHeads(tx, batch, request.nowMs)
  for (const batch of batches(made)) await insertVersions(tx, batch, request)
  if (archived.length > 0) await tx.update(prompts).set({ archivedAtMs: request.nowMs }).where(inArray(prompts.name, archived))
}

/** A statement takes 65,535 parameters at most. */
const batches = <T>(items: T[], size = 500): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))

const setHeads = async (tx: Database, changes: Exclude<Change, { kind: 'archive' }>[], nowMs: number): Promise<void> => {
  const rows = changes.map((change) => ({
    name: change.name,
    headVersion: change.to,
    headContentHash: 'text' in change ? sha256(change.text) : change.contentHash,
    createdAtMs: nowMs,
  }))
  await tx
    .insert(prompts)
    .values(rows)
    .onConflictDoUpdate({
      target: prompts.name,
      set: { headVersion: sql`excluded.head_version`, headContentHash: sql`excluded.head_content_hash`, archivedAtMs: null },
    })
}

type NewVersion = Extract<Change, { kind: 'create' | 'update' }>

const insertVersions = async (tx: Database, changes: NewVersion[], request: SyncRequest): Promise<void> => {
  const partialTexts = new Map<string, string>()
  const rows = changes.map(({ name, path, text, prompt, to }) => {
    const partials: Record<string, string> = {}
    for (const [partial, pin] of prompt.pins) {
      const hash = sha256(pin.text)
      partials[partial] = hash
      partialTexts.set(hash, pin.text)
    }
    const origin = request.provenance?.[path]
    return {
      promptName: name,
      version: to,
      closureHash: prompt.closureHash,
      source: text,
      partials,
      frontMatter: prompt.file.frontMatter,
      gitCommit: origin?.gitCommit ?? null,
      gitPath: path,
      author: origin?.author ?? null,
      message: origin?.message ?? null,
      createdBy: request.actor,
      createdAtMs: request.nowMs,
    }
  })
  if (partialTexts.size > 0) {
    const texts = [...partialTexts].map(([hash, text]) => ({ hash, text }))
    await tx.insert(promptPartials).values(texts).onConflictDoNothing()
  }
  await tx.insert(promptVersions).values(rows)
}
