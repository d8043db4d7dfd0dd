import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { AppError } from '../../lib/errors.ts'
import { canonicalJson } from '../../lib/hash.ts'
import type { PiiKind } from '../../lib/pii.ts'
import type { ChatMessage, Tool, ToolCall } from '../../models/chat-model.ts'
import {
  type AssistantMessage,
  createRedaction,
  type DatasetMessage,
  type DatasetSaid,
  type Redaction,
  redactValue,
  toAssistantMessage,
  toDatasetMessage,
} from './message.ts'

/** Which live conversations are drawn. Times in milliseconds since the epoch: from, inclusive, and to, exclusive. */
export type DrawFilter = {
  tenant?: string | undefined
  route?: string | undefined
  variant?: string | undefined
  variantHash?: string | undefined
  status?: 'ok' | 'error' | 'aborted' | undefined
  fromMs?: number | undefined
  toMs?: number | undefined
  /** Each of these was in the request's `metadata`. */
  metadata?: Record<string, string> | undefined
  /** The newest feedback of the metric is below or above; booleans are 0 and 1. */
  feedback?: { metric: string; below?: number | undefined; above?: number | undefined } | undefined
}

export type DrawOptions = {
  /** `feedback`: answers that somebody gave a demonstration for. */
  from: 'traces' | 'feedback'
  filter: DrawFilter
  limit: number
  redact: readonly PiiKind[]
}

export type DrawnItem = {
  traceId: string
  tenant: string
  route: string
  variant: string | null
  variantHash: string | null
  messages: DatasetMessage[]
  said: DatasetSaid | null
  tools: object[] | null
  answer: AssistantMessage | null
  demonstration: AssistantMessage | null
}

export type Drawn = {
  items: DrawnItem[]
  redactions: Record<string, number>
  /** Matching traces that could not be taken, by why. */
  skipped: { withoutPayload: number; notText: number; duplicates: number }
}

/** Draws conversations, the newest first, each as often as its text differs. What is personal or secret is taken out before anybody sees it. */
export const drawItems = async (db: Database, { from, filter, limit, redact }: DrawOptions): Promise<Drawn> => {
  const redaction = createRedaction(redact)
  const rows = await (from === 'traces' ? fromTraces(db, filter, limit) : fromDemonstrations(db, filter, limit))
  const skipped = { withoutPayload: await countWithoutPayload(db, from, filter), notText: 0, duplicates: 0 }
  const seen = new Set<string>()
  const items: DrawnItem[] = []
  for (const [index, row] of rows.entries()) {
    // Searching texts for personal data takes a while, and requests are answered by this process too.
    if (index % 20 === 19) await new Promise((resolve) => setImmediate(resolve))
    const item = toItem(row, redaction)
    if (item === undefined) {
      skipped.notText += 1
      continue
    }
    const key = canonicalJson(item.said ?? item.messages)
    if (seen.has(key)) skipped.duplicates += 1
    else items.push(item)
    seen.add(key)
  }
  return { items, redactions: redaction.counts, skipped }
}

type Row = {
  id: string
  tenant: string
  route: string
  variant: string | null
  variant_hash: string | null
  input: { messages?: ChatMessage[]; tools?: Tool[] } | null
  output: { text?: string; toolCalls?: ToolCall[] } | null
  said: { messages?: ChatMessage[]; variables?: Record<string, unknown> | null } | null
  demonstration: unknown
}

const columns = sql`t.id, t.tenant, t.route, t.variant, t.variant_hash, p.payload -> 'input' as input, p.payload -> 'output' -> 0 as output,
  p.payload -> 'said' as said`

const fromTraces = (db: Database, filter: DrawFilter, limit: number) =>
  db.execute<Row>(sql`
    select ${columns}, null as demonstration from traces t join trace_payloads p on p.id = t.id
    where ${matches(filter)} order by t.started_at desc, t.id desc limit ${limit}`)

/** The newest demonstration of each answer. */
const fromDemonstrations = (db: Database, filter: DrawFilter, limit: number) =>
  db.execute<Row>(sql`
    select ${columns}, said.content as demonstration
    from (
      select distinct on (tenant, inference_id) tenant, inference_id, content, at from feedback
      where metric = 'demonstration' order by tenant, inference_id, at desc, id desc
    ) as said
    join traces t on t.id = said.inference_id and t.tenant = said.tenant join trace_payloads p on p.id = t.id
    where ${matches(filter)} order by said.at desc, t.id desc limit ${limit}`)

const countWithoutPayload = async (db: Database, from: DrawOptions['from'], filter: DrawFilter): Promise<number> => {
  const demonstrated = sql`exists (select 1 from feedback f where f.metric = 'demonstration' and f.inference_id = t.id and f.tenant = t.tenant)`
  const [row] = await db.execute<{ count: number }>(sql`
    select count(*)::int as count from traces t
    where ${matches(filter)} and not exists (select 1 from trace_payloads p where p.id = t.id)
      and ${from === 'feedback' ? demonstrated : sql`true`}`)
  return row?.count ?? 0
}

const matches = ({ fromMs, toMs, metadata, feedback, ...names }: DrawFilter): SQL => {
  const equal = (['tenant', 'route', 'variant', 'variantHash', 'status'] as const).flatMap((name) =>
    names[name] === undefined ? [] : [sql`t.${sql.raw(name === 'variantHash' ? 'variant_hash' : name)} = ${names[name]}`],
  )
  const all = [
    sql`t.purpose = 'live' and t.endpoint = 'chat'`,
    ...equal,
    ...(fromMs === undefined ? [] : [sql`t.started_at >= ${iso(fromMs)}::timestamptz`]),
    ...(toMs === undefined ? [] : [sql`t.started_at < ${iso(toMs)}::timestamptz`]),
    ...(metadata === undefined ? [] : [sql`t.metadata @> ${JSON.stringify(metadata)}::jsonb`]),
    ...(feedback === undefined ? [] : [said(feedback)]),
  ]
  return sql.join(all, sql` and `)
}

const said = ({ metric, below, above }: NonNullable<DrawFilter['feedback']>): SQL => {
  const newest = sql`(
    select f.number from feedback f where f.tenant = t.tenant and f.metric = ${metric} and f.inference_id = t.id
    order by f.at desc, f.id desc limit 1)`
  return sql.join(
    [
      ...(below === undefined ? [] : [sql`${newest} < ${below}::double precision`]),
      ...(above === undefined ? [] : [sql`${newest} > ${above}::double precision`]),
    ],
    sql` and `,
  )
}

const iso = (ms: number) => new Date(ms).toISOString()

const toItem = (row: Row, redaction: Redaction): DrawnItem | undefined => {
  const { id, tenant, route, variant, variant_hash: variantHash, input, output } = row
  const asked = input?.messages ?? []
  const shown = row.demonstration === null ? undefined : demonstrated(row.demonstration, asked)
  const written = (shown?.before ?? asked).map((message) => toDatasetMessage(message, redaction))
  const messages = written.flatMap((message) => message ?? [])
  if (messages.length === 0 || messages.length < written.length || (row.demonstration !== null && shown === undefined)) return undefined
  const { text = '', toolCalls = [] } = output ?? {}
  return {
    traceId: id,
    tenant,
    route,
    variant,
    variantHash,
    messages,
    said: row.said && toSaid(row.said, redaction),
    tools: input?.tools && input.tools.length > 0 ? input.tools.map((tool) => ({ type: 'function', function: tool })) : null,
    answer: text === '' && toolCalls.length === 0 ? null : toAssistantMessage({ text, toolCalls }, redaction),
    demonstration: shown ? toAssistantMessage({ text: shown.text, toolCalls: [] }, redaction) : null,
  }
}

const toSaid = ({ messages = [], variables = null }: NonNullable<Row['said']>, redaction: Redaction): DatasetSaid => ({
  messages: messages.flatMap((message) => toDatasetMessage(message, redaction) ?? []),
  variables: redactValue(variables, redaction) as DatasetSaid['variables'],
})

/** Feedback holds the answer as text, the rest of the conversation, or all of it; its last message is the answer. */
const demonstrated = (content: unknown, asked: ChatMessage[]): { before: ChatMessage[]; text: string } | undefined => {
  if (typeof content === 'string') return { before: asked, text: content }
  if (!Array.isArray(content)) return undefined
  const messages = content as ChatMessage[]
  const last = messages.at(-1)
  const [first] = messages
  if (last?.role !== 'assistant' || typeof last.content !== 'string') return undefined
  // Clients wrote these: one with tool calls has another spelling, and no text to show.
  const before = messages.slice(0, -1)
  if (before.some(({ role, content: said }) => typeof said !== 'string' || role === 'tool')) return undefined
  const whole = first?.role === asked[0]?.role && first?.content === asked[0]?.content
  return { before: whole ? before : [...asked, ...before], text: last.content }
}

export const refuseEmpty = ({ items, skipped }: Drawn): void => {
  if (items.length > 0) return
  const why =
    skipped.withoutPayload + skipped.notText === 0 ? '' : `: ${skipped.withoutPayload} have no payload, ${skipped.notText} are not text`
  throw new AppError('not_found', `no conversation matches that could be taken${why}`)
}
