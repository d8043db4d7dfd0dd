import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { looksLikeRefusal } from '../lib/refusal.ts'
import { type PairedDifference, pairedDifference } from '../lib/stats/paired.ts'
import { mcnemarExact } from '../lib/stats/proportions.ts'
import { quantile } from '../lib/stats/sample.ts'
import { isFailure, iso } from '../rollout/exposed.ts'
import { copyWithOriginal, isComparable } from '../rollout/shadow-evidence.ts'
import type { ScoreContext } from './scorer.ts'
import { preferenceBetween } from './scorers/judged.ts'

export type ShadowReportOptions = {
  route: string
  variant: string
  /** Milliseconds since the epoch, of the copies; from inclusive, to exclusive. */
  fromMs: number | undefined
  toMs: number | undefined
  /** The newest pairs that are read. */
  limit: number
  /** Unit vectors of texts. */
  embed: ((texts: string[]) => Promise<Float32Array[]>) | undefined
  judge: { ask: NonNullable<ScoreContext['judge']>; id: string; pairs: number; costUsd: () => number | null } | undefined
}

/** Shares of pairs on each side, and McNemar's exact p of no difference. */
export type PairedShare = { live: number; shadow: number; p: number }

/** Medians of each side, and the mean difference shadow − live over pairs, clustered by subject. */
export type PairedMeasure = { n: number; live: number; shadow: number; difference: PairedDifference }

export type ShadowReport = {
  route: string
  variant: string
  /** Copies whose original is known; not those of cached or broken-off requests. */
  pairs: number
  newestAtMs: number | null
  failures: PairedShare | null
  /** Of the pairs in which both sides answered, as everything below. */
  answered: number
  latencyMs: PairedMeasure | null
  costUsd: PairedMeasure | null
  completionTokens: PairedMeasure | null
  /** Pairs whose texts are kept, and what is told by them. */
  withText: number
  sameText: number | null
  refusals: PairedShare | null
  /** Cosine between the two answers: mean, and the least similar tenth ends at `low`. */
  similarity: { n: number; mean: number; low: number } | null
  preference: Preference | null
}

/** `live`, `shadow`: pairs in which the judge preferred that side in both orders. `share`: of the shadow, ties counting half. */
export type Preference = {
  judge: string
  n: number
  live: number
  shadow: number
  ties: number
  /** Without a verdict; not part of `n`. */
  undetermined: number
  share: PairedDifference | null
  costUsd: number | null
}

/** What a shadow answered next to what users got, pair by pair. */
export const reportShadow = async (db: Database, options: ShadowReportOptions): Promise<ShadowReport> => {
  const { route, variant, embed, judge } = options
  const all = await readPairs(db, options)
  const answered = all.filter(({ live, shadow }) => !live.failed && !shadow.failed)
  const texts = answered.flatMap(({ input, subject, live, shadow }) =>
    live.output && shadow.output
      ? [
          {
            subject,
            question: questionOf(input),
            live: textOf(live.output),
            shadow: textOf(shadow.output),
            refused: refusedIn(live, shadow),
          },
        ]
      : [],
  )
  return {
    route,
    variant,
    pairs: all.length,
    newestAtMs: all[0]?.atMs ?? null,
    failures: shares(all.map(({ live, shadow }) => [live.failed, shadow.failed])),
    answered: answered.length,
    latencyMs: measure(answered, ({ latency_ms }) => latency_ms),
    costUsd: measure(answered, ({ cost_usd }) => cost_usd),
    completionTokens: measure(answered, ({ completion_tokens }) => completion_tokens),
    withText: texts.length,
    sameText: texts.length === 0 ? null : texts.filter(({ live, shadow }) => live.trim() === shadow.trim()).length,
    refusals: shares(texts.map(({ refused }) => refused)),
    similarity: embed ? await similarityOf(texts, embed) : null,
    preference: judge ? await preferenceOf(texts.slice(0, judge.pairs), judge) : null,
  }
}

type Side = {
  failed: boolean
  finish_reason: string | null
  latency_ms: number
  cost_usd: number | null
  completion_tokens: number | null
  output: readonly Said[] | null
}
type Said = { text?: string; refusal?: string }
type Pair = {
  atMs: number
  subject: string
  input: { messages?: { content: unknown }[]; prompt?: string } | null
  live: Side
  shadow: Side
}

const side = (t: SQL, payload: SQL) => sql`jsonb_build_object('failed', ${isFailure(t)}, 'finish_reason', ${t}.finish_reason,
  'latency_ms', ${t}.latency_ms, 'cost_usd', ${t}.cost_usd, 'completion_tokens', ${t}.completion_tokens, 'output', ${payload}.payload -> 'output')`

const readPairs = async (db: Database, { route, variant, fromMs, toMs, limit }: ShadowReportOptions): Promise<Pair[]> => {
  const rows = await db.execute<{ at_ms: number; subject: string; input: Pair['input']; live: Side; shadow: Side }>(sql`
    select (extract(epoch from copy.started_at) * 1000)::double precision as at_ms, coalesce(live.subject, live.id::text) as subject,
      said.payload -> 'input' as input, ${side(sql`live`, sql`said`)} as live, ${side(sql`copy`, sql`whispered`)} as shadow
    from ${copyWithOriginal}
    left join trace_payloads said on said.id = live.id
    left join trace_payloads whispered on whispered.id = copy.id
    where copy.route = ${route} and copy.variant = ${variant} and ${isComparable}
      and ${fromMs === undefined ? sql`true` : sql`copy.started_at >= ${iso(fromMs)}::timestamptz`}
      and ${toMs === undefined ? sql`true` : sql`copy.started_at < ${iso(toMs)}::timestamptz`}
    order by copy.started_at desc limit ${limit}`)
  return rows.map(({ at_ms, ...row }) => ({ atMs: at_ms, ...row }))
}

const shares = (pairs: readonly (readonly [live: boolean, shadow: boolean])[]): PairedShare | null => {
  if (pairs.length === 0) return null
  const count = (is: (live: boolean, shadow: boolean) => boolean) => pairs.filter(([live, shadow]) => is(live, shadow)).length
  const [onlyLive, onlyShadow] = [count((live, shadow) => live && !shadow), count((live, shadow) => !live && shadow)]
  return { live: count((live) => live), shadow: count((_, shadow) => shadow), p: mcnemarExact(onlyLive, onlyShadow) }
}

const measure = (pairs: readonly Pair[], read: (side: Side) => number | null): PairedMeasure | null => {
  const known = pairs.flatMap(({ subject, live, shadow }) => {
    const [one, two] = [read(live), read(shadow)]
    return one === null || two === null ? [] : [{ subject, one, two }]
  })
  if (known.length === 0) return null
  const sorted = (values: number[]) => values.sort((left, right) => left - right)
  return {
    n: known.length,
    live: quantile(sorted(known.map(({ one }) => one)), 0.5),
    shadow: quantile(sorted(known.map(({ two }) => two)), 0.5),
    difference: pairedDifference(
      known.map(({ one, two }) => two - one),
      { clusters: known.map(({ subject }) => subject) },
    ),
  }
}

type Texts = { subject: string; question: string; live: string; shadow: string; refused: readonly [boolean, boolean] }

const textOf = (output: readonly Said[]): string => output[0]?.text || output[0]?.refusal || ''

/** The last thing that was said to the model. */
const questionOf = (input: Pair['input']): string => {
  const content = input?.messages?.at(-1)?.content ?? input?.prompt ?? ''
  return typeof content === 'string' ? content : JSON.stringify(content)
}

const refusedIn = (live: Side, shadow: Side): [boolean, boolean] => {
  const refused = ({ finish_reason, output }: Side) =>
    finish_reason === 'content_filter' || (output?.[0]?.refusal ?? '') !== '' || looksLikeRefusal(textOf(output ?? []))
  return [refused(live), refused(shadow)]
}

const similarityOf = async (
  texts: readonly Texts[],
  embed: NonNullable<ShadowReportOptions['embed']>,
): Promise<ShadowReport['similarity']> => {
  const both = texts.filter(({ live, shadow }) => live !== '' && shadow !== '')
  if (both.length === 0) return null
  const vectors = await embed(both.flatMap(({ live, shadow }) => [live, shadow]))
  const cosines = both.map((_, at) => {
    const [one, two] = [vectors[2 * at], vectors[2 * at + 1]]
    return one?.reduce((sum, component, place) => sum + component * (two?.[place] ?? 0), 0) ?? 0
  })
  const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length
  return {
    n: cosines.length,
    mean,
    low: quantile(
      cosines.sort((left, right) => left - right),
      0.1,
    ),
  }
}

const preferenceOf = async (
  texts: readonly Texts[],
  { ask, id, costUsd }: NonNullable<ShadowReportOptions['judge']>,
): Promise<Preference> => {
  const verdicts: { subject: string; preference: number }[] = []
  let undetermined = 0
  for (const { subject, question, live, shadow } of texts) {
    const preference = await preferenceBetween(ask, question, shadow, live)
    if (preference === null) undetermined += 1
    else verdicts.push({ subject, preference })
  }
  const count = (value: number) => verdicts.filter(({ preference }) => preference === value).length
  return {
    ...{ judge: id, n: verdicts.length, shadow: count(1), live: count(0), ties: count(0.5), undetermined, costUsd: costUsd() },
    share:
      verdicts.length === 0
        ? null
        : pairedDifference(
            verdicts.map(({ preference }) => preference),
            { clusters: verdicts.map(({ subject }) => subject) },
          ),
  }
}
