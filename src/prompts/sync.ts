import { and, eq, inArray } from 'drizzle-orm'
import { lockedTransaction } from '../db/advisory-lock.ts'
import type { Database } from '../db/database.ts'
import { promptPartials, promptSyncEvents, prompts, promptVersions } from '../db/schema/prompts.ts'
import { sha256 } from '../lib/hash.ts'
import { uuidv7 } from '../lib/ids.ts'
import { type Change, compareTree, planSync, type StoredHead, type SyncPlan } from './plan.ts'
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
  if (request.dryRun) return planFor(db, request.files)
  return lockedTransaction(db, 'prompts.sync', async (tx) => {
    const plan = await planFor(tx, request.files)
    if (plan.changes.length === 0) return plan
    for (const change of plan.changes) await apply(tx, change, request)
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

const planFor = async (db: Database, files: TreeFile[]): Promise<SyncPlan> => {
  const changes = compareTree(files, await storedHeads(db))
  const stored = changes.touched.filter(({ head }) => head !== undefined).map(({ name }) => name)
  return planSync(changes, stored.length === 0 ? new Map() : await versionsByClosure(db, stored))
}

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

const apply = async (tx: Database, change: Change, request: SyncRequest): Promise<void> => {
  switch (change.kind) {
    case 'create':
    case 'update':
      await setHead(tx, change.name, change.to, sha256(change.text), request.nowMs)
      await insertVersion(tx, change, request)
      return
    case 'restore':
    case 'reformat':
      await setHead(tx, change.name, change.to, change.contentHash, request.nowMs)
      return
    case 'archive':
      await tx.update(prompts).set({ archivedAtMs: request.nowMs }).where(eq(prompts.name, change.name))
  }
}

const setHead = async (tx: Database, name: string, version: number, contentHash: string, nowMs: number): Promise<void> => {
  const head = { headVersion: version, headContentHash: contentHash, archivedAtMs: null }
  await tx
    .insert(prompts)
    .values({ name, ...head, createdAtMs: nowMs })
    .onConflictDoUpdate({ target: prompts.name, set: head })
}

type NewVersion = Extract<Change, { kind: 'create' | 'update' }>

const insertVersion = async (tx: Database, { name, path, text, prompt, to }: NewVersion, request: SyncRequest): Promise<void> => {
  const pins = [...prompt.pins].map(([partial, pin]) => ({ partial, hash: sha256(pin.text), text: pin.text }))
  if (pins.length > 0) {
    const texts = pins.map((pin) => ({ hash: pin.hash, text: pin.text }))
    await tx.insert(promptPartials).values(texts).onConflictDoNothing()
  }
  const origin = request.provenance?.[path]
  await tx.insert(promptVersions).values({
    promptName: name,
    version: to,
    closureHash: prompt.closureHash,
    source: text,
    partials: Object.fromEntries(pins.map(({ partial, hash }) => [partial, hash])),
    frontMatter: prompt.file.frontMatter,
    gitCommit: origin?.gitCommit ?? null,
    gitPath: path,
    author: origin?.author ?? null,
    message: origin?.message ?? null,
    createdBy: request.actor,
    createdAtMs: request.nowMs,
  })
}
