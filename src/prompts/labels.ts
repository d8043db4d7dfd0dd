import { and, asc, eq } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { promptLabelEvents, promptLabels, promptVersions } from '../db/schema/prompts.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import { rollbackTarget } from '../lib/label-moves.ts'
import { announceChange } from './revision.ts'

export type LabelEvent = typeof promptLabelEvents.$inferSelect

/** Labels whose promotion needs a passing eval run of the version. */
export const protectedLabels: readonly string[] = ['production']

/** The id of an eval run that this version passed; undefined when it passed none. */
export type FindPassingEvalRun = (promptName: string, closureHash: string) => Promise<string | undefined>

export type Promotion = {
  name: string
  label: string
  version: number
  /** The version the mover saw the label at; null when it saw no label. Another version now is a `conflict`. */
  expectedVersion: number | null
  actor: string
  reason: string
  /** Promotes to a protected label without a passing eval run, and says so in the event. */
  override: boolean
  nowMs: number
}

/** Moves a label to a version: compare-and-set, one event. Throws `invalid_request`, `not_found`, `conflict`. */
export const promoteLabel = async (db: Database, findPassingEvalRun: FindPassingEvalRun, promotion: Promotion): Promise<LabelEvent> => {
  checkLabel(promotion.label)
  checkReason(promotion.reason)
  const closureHash = await closureHashOf(db, promotion.name, promotion.version)
  const evalRunId = await findPassingEvalRun(promotion.name, closureHash)
  const gated = protectedLabels.includes(promotion.label) && evalRunId === undefined
  if (gated && !promotion.override) {
    const message = `"${promotion.label}" is protected: version ${promotion.version} of "${promotion.name}" has no passing eval run`
    throw new AppError('conflict', `${message}; run its suite, or override with a reason`, { param: 'override' })
  }
  return db.transaction((tx) =>
    move(tx, {
      kind: 'promote',
      promptName: promotion.name,
      label: promotion.label,
      fromVersion: promotion.expectedVersion,
      toVersion: promotion.version,
      actor: promotion.actor,
      reason: promotion.reason,
      evalRunId: evalRunId ?? null,
      override: gated,
      atMs: promotion.nowMs,
    }),
  )
}

export type Rollback = { name: string; label: string; expectedVersion: number | null; actor: string; reason: string; nowMs: number }

/** Moves a label back to where it stood before the promotion in force: one move, no gate, as that version has served before. */
export const rollbackLabel = async (db: Database, rollback: Rollback): Promise<LabelEvent> => {
  checkReason(rollback.reason)
  return db.transaction(async (tx) => {
    const target = rollbackTarget(await labelEvents(tx, rollback.name, rollback.label))
    if (target === undefined) {
      throw new AppError('conflict', `label "${rollback.label}" of "${rollback.name}" has no earlier version to roll back to`, {
        param: 'label',
      })
    }
    return move(tx, {
      kind: 'rollback',
      promptName: rollback.name,
      label: rollback.label,
      fromVersion: rollback.expectedVersion,
      toVersion: target,
      actor: rollback.actor,
      reason: rollback.reason,
      evalRunId: null,
      override: false,
      atMs: rollback.nowMs,
    })
  })
}

/** Every move of a prompt's labels, or of one of them, oldest first. */
export const labelEvents = (db: Database, name: string, label?: string | undefined): Promise<LabelEvent[]> =>
  db
    .select()
    .from(promptLabelEvents)
    .where(and(eq(promptLabelEvents.promptName, name), label === undefined ? undefined : eq(promptLabelEvents.label, label)))
    .orderBy(asc(promptLabelEvents.seq))

type NewEvent = Omit<LabelEvent, 'id' | 'seq'>

const move = async (tx: Database, event: NewEvent): Promise<LabelEvent> => {
  const { promptName, label, fromVersion, toVersion } = event
  const moved =
    fromVersion === null
      ? await tx.insert(promptLabels).values({ promptName, label, version: toVersion }).onConflictDoNothing().returning()
      : await tx
          .update(promptLabels)
          .set({ version: toVersion })
          .where(and(eq(promptLabels.promptName, promptName), eq(promptLabels.label, label), eq(promptLabels.version, fromVersion)))
          .returning()
  if (moved.length === 0) throw await staleExpectation(tx, event)
  const [recorded] = await tx
    .insert(promptLabelEvents)
    .values({ id: uuidv7(), ...event })
    .returning()
  if (recorded === undefined) throw new Error('an insert returned nothing')
  await announceChange(tx)
  return recorded
}

const staleExpectation = async (tx: Database, { promptName, label, fromVersion }: NewEvent): Promise<AppError> => {
  const [row] = await tx
    .select()
    .from(promptLabels)
    .where(and(eq(promptLabels.promptName, promptName), eq(promptLabels.label, label)))
  const place = (version: number | null | undefined) => (version == null ? 'unset' : `at version ${version}`)
  const message = `label "${label}" of "${promptName}" is ${place(row?.version)}, not ${place(fromVersion)} as expected: look again and repeat`
  return new AppError('conflict', message, { param: 'expected_version' })
}

const closureHashOf = async (db: Database, name: string, version: number): Promise<string> => {
  const [row] = await db
    .select({ closureHash: promptVersions.closureHash })
    .from(promptVersions)
    .where(and(eq(promptVersions.promptName, name), eq(promptVersions.version, version)))
  if (row === undefined) throw new AppError('not_found', `there is no version ${version} of prompt "${name}"`, { param: 'version' })
  return row.closureHash
}

const checkLabel = (label: string): void => {
  if (label === 'latest') throw new AppError('invalid_request', '"latest" is computed and cannot be set', { param: 'label' })
  if (!/^[a-z][a-z0-9._-]{0,63}$/.test(label)) {
    throw new AppError('invalid_request', 'a label starts with a letter and has lower-case letters, digits, dots, _ and - only', {
      param: 'label',
    })
  }
}

const checkReason = (reason: string): void => {
  if (reason.trim() === '') throw new AppError('invalid_request', 'say why: a move of a label needs a reason', { param: 'reason' })
}
