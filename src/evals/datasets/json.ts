import type { Agreement } from '../online/agreement.ts'
import type { Dataset, DatasetItem, ItemStatus } from './store.ts'

export const datasetJson = (one: Dataset, counted: Record<ItemStatus, number> | undefined) => ({
  object: 'dataset' as const,
  name: one.name,
  version: one.version,
  source: one.source,
  redactions: one.redactions,
  items: one.items,
  counts: counted ?? { pending: one.items, approved: 0, corrected: 0, rejected: 0 },
  created_by: one.createdBy,
  reason: one.reason,
  created_at: new Date(one.createdAtMs).toISOString(),
})

export const itemJson = ({ review: said, ...one }: DatasetItem) => ({
  object: 'dataset.item' as const,
  id: one.id,
  position: one.position,
  status: one.status,
  trace_id: one.traceId,
  tenant: one.tenant,
  route: one.route,
  variant: one.variant,
  variant_hash: one.variantHash,
  messages: one.messages,
  said: one.said,
  tools: one.tools,
  answer: one.answer,
  demonstration: one.demonstration,
  review: said && {
    verdict: said.verdict,
    answer: said.correction,
    by: said.actor,
    reason: said.reason,
    at: new Date(said.atMs).toISOString(),
  },
})

export type DatasetJson = ReturnType<typeof datasetJson>
export type DatasetItemJson = ReturnType<typeof itemJson>

export const agreementJson = ({ bothGood, bothBad, onlyScorer, onlyPeople, ...same }: Agreement) => ({
  ...same,
  both_good: bothGood,
  both_bad: bothBad,
  only_scorer: onlyScorer,
  only_people: onlyPeople,
})

export type AgreementJson = ReturnType<typeof agreementJson>
