import type { Database } from '../db/database.ts'
import { type PiiOptions, redactPii } from '../lib/pii.ts'
import { listReplays, type Replay, replayOutputs } from './replay-store.ts'
import type { GoldenState } from './verdict.ts'

export type GoldenReport = {
  state: GoldenState
  /** Replays that ended, newest first; a baseline is one without a comparison. */
  replays: Replay[]
  /** The answers of the newest that are least like the baseline's. */
  changed: { caseId: string; similarity: number; before: string | null; now: string | null }[]
}

/** What the golden set says of a variant. `texts`: what is taken out of the answers it shows; null shows none. */
export const readGolden = async (db: Database, route: string, variantHash: string, texts: PiiOptions | null): Promise<GoldenReport> => {
  const all = await listReplays(db, { route, variantHash, limit: 30 })
  const replays = all.filter(({ status }) => status === 'completed')
  const [newest] = replays
  const state: GoldenState = newest === undefined || newest.moved === null ? 'unknown' : newest.moved ? 'moved' : 'stable'
  return { state, replays: all, changed: newest ? await changedIn(db, newest, texts) : [] }
}

const changedIn = async (
  db: Database,
  { id, baselineId, exactShare }: Replay,
  texts: PiiOptions | null,
): Promise<GoldenReport['changed']> => {
  if (baselineId === null || exactShare === 1) return []
  const before = new Map((await replayOutputs(db, baselineId)).map((one) => [one.caseId, one.output]))
  const text = (plain: string | undefined) => (texts === null || plain === undefined ? null : redactPii(plain.slice(0, longestText), texts))
  return (await replayOutputs(db, id))
    .filter(({ caseId, output }) => before.get(caseId) !== output)
    .sort((left, right) => left.similarity - right.similarity)
    .slice(0, mostChanged)
    .map(({ caseId, similarity, output }) => ({ caseId, similarity, before: text(before.get(caseId)), now: text(output) }))
}

const mostChanged = 5
const longestText = 400
