import { lockedTransaction } from '../../db/advisory-lock.ts'
import type { Database } from '../../db/database.ts'
import { datasetReviews } from '../../db/schema/datasets.ts'
import { AppError } from '../../lib/errors.ts'
import { uuidv7 } from '../../lib/ids.ts'
import { type PiiKind, piiKinds } from '../../lib/pii.ts'
import { type AssistantMessage, createRedaction, toAssistantMessage } from './message.ts'
import { type By, type Dataset, type DatasetItem, findItem, type Review } from './store.ts'

export type Verdict = { verdict: 'approved' | 'rejected' } | { verdict: 'corrected'; answer: string }

/**
 * Says what a person thinks of an item; earlier reviews stay, and the newest counts. What is approved is the demonstration where there is
 * one, else the answer. A correction is redacted as its dataset was. Throws `not_found`, and `conflict` for an approval of no answer.
 */
export const reviewItem = (db: Database, dataset: Dataset, id: string, said: Verdict, by: By): Promise<DatasetItem> =>
  lockedTransaction(db, `dataset/${dataset.name}`, async (tx) => {
    const item = await findItem(tx, dataset.id, id)
    if (said.verdict === 'approved' && (item.demonstration ?? item.answer) === null)
      throw new AppError('conflict', `item ${id} was never answered: correct it, or reject it`)
    const correction = said.verdict === 'corrected' ? toAssistantMessage({ text: said.answer, toolCalls: [] }, redactionOf(dataset)) : null
    const { actor, reason, nowMs: atMs } = by
    const review: Review = { verdict: said.verdict, correction, actor, reason, atMs }
    await tx.insert(datasetReviews).values({ id: uuidv7(), itemId: id, ...review })
    return { ...item, status: review.verdict, review }
  })

const redactionOf = ({ source }: Dataset) => createRedaction((source.redact as PiiKind[] | undefined) ?? piiKinds)

/** What should be answered, as far as people have said; before that, what was. Null for an item without any answer. */
export const settledAnswer = ({ review, demonstration, answer }: DatasetItem): AssistantMessage | null =>
  review?.correction ?? demonstration ?? answer
