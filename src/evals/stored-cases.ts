import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { AppError } from '../lib/errors.ts'
import type { ChatMessage, Tool } from '../models/chat-model.ts'
import type { PlacedCase } from './dataset-file.ts'
import { askedAgain } from './datasets/export.ts'
import { toDatasetMessage } from './datasets/message.ts'
import { settledAnswer } from './datasets/review.ts'
import { findDataset, listItems } from './datasets/store.ts'
import { type DatasetSource, rawCase } from './suite-schema.ts'

type Stored = Exclude<DatasetSource, { file: string }>

/** Cases from what the server has: a dataset as people settled it, recent traces, or demonstrations of what should have been answered. */
export const readStoredCases = async (db: Database, source: Stored, nowMs: number): Promise<PlacedCase[]> => {
  if ('traces' in source) return fromTraces(db, source.traces, nowMs)
  if ('demonstrations' in source) return fromDemonstrations(db, source.demonstrations)
  return fromDataset(db, source)
}

/** What was approved or corrected; the settled answer is `expected`. */
const fromDataset = async (db: Database, { dataset: name, version }: Extract<Stored, { dataset: string }>): Promise<PlacedCase[]> => {
  const dataset = await findDataset(db, name, version)
  const items = await listItems(db, dataset.id, { statuses: ['approved', 'corrected'] })
  if (items.length === 0)
    throw new AppError('invalid_request', `nothing of the dataset '${name}' is approved or corrected: weir datasets queue ${name}`)
  return items.map((item) => {
    const answer = settledAnswer(item)
    const expected =
      answer?.content ?? answer?.tool_calls?.map(({ function: { name: tool, arguments: json } }) => ({ name: tool, arguments: json }))
    return placed({ ...item, expected, tags: [item.status] }, `dataset ${name}`)
  })
}

type Row = {
  id: string
  messages: ChatMessage[] | null
  said: { messages: ChatMessage[]; variables: Record<string, unknown> | null } | null
  tools: Tool[] | null
  expected?: unknown
}

const columns = sql`t.id, p.payload -> 'input' -> 'messages' as messages, p.payload -> 'input' -> 'tools' as tools,
  p.payload -> 'said' as said`

const fromTraces = async (db: Database, filter: Extract<Stored, { traces: object }>['traces'], nowMs: number): Promise<PlacedCase[]> => {
  const since = new Date(nowMs - filter.since_hours * 3_600_000).toISOString()
  const rows = await db.execute<Row>(sql`
    select ${columns} from traces t join trace_payloads p on p.id = t.id
    where t.purpose = 'live' and t.status = 'ok' and t.endpoint = 'chat' and t.started_at >= ${since}::timestamptz
      and ${filter.route === undefined ? sql`true` : sql`t.route = ${filter.route}`}
      and ${filter.variant_hash === undefined ? sql`true` : sql`t.variant_hash = ${filter.variant_hash}`}
    order by t.started_at desc limit ${filter.limit}`)
  return rows.flatMap((row) => fromRow(row, 'traces'))
}

const fromDemonstrations = async (
  db: Database,
  filter: Extract<Stored, { demonstrations: object }>['demonstrations'],
): Promise<PlacedCase[]> => {
  const rows = await db.execute<Row>(sql`
    select ${columns}, f.content as expected
    from feedback f join traces t on t.id = f.inference_id and t.tenant = f.tenant join trace_payloads p on p.id = t.id
    where f.metric = 'demonstration' and ${filter.route === undefined ? sql`true` : sql`t.route = ${filter.route}`}
    order by f.at desc limit ${filter.limit}`)
  return rows.flatMap((row) => fromRow(row, 'demonstrations'))
}

/** Conversations of texts; with images they cannot be asked again here. */
const fromRow = ({ id, messages, said, tools, expected }: Row, place: string): PlacedCase[] => {
  const own = said?.messages ?? messages ?? []
  const texts = own.flatMap((message) => toDatasetMessage(message, asItIs) ?? [])
  if (texts.length < own.length || (texts.length === 0 && !said?.variables)) return []
  const offered = tools?.map((tool) => ({ type: 'function' as const, function: tool })) ?? null
  const asked = { messages: texts, said: said && { messages: texts, variables: said.variables }, tools: offered }
  return [placed({ id, ...asked, expected: textOf(expected), tags: [] }, place)]
}

const asItIs = { counts: {}, text: (text: string) => text }

type Conversation = Parameters<typeof askedAgain>[0] & { id: string; expected: unknown; tags: string[] }

const placed = ({ id, expected, tags, ...conversation }: Conversation, place: string): PlacedCase => ({
  raw: rawCase.parse({
    id,
    tags,
    ...askedAgain(conversation),
    ...(expected === undefined || expected === null ? {} : { expected }),
  }),
  place: `${place} ${id}`,
  literal: true,
})

/** A demonstration is a text, or messages of which the last is the answer. */
const textOf = (content: unknown): unknown => {
  const last: unknown = Array.isArray(content) ? content.at(-1) : content
  return last !== null && typeof last === 'object' && 'content' in last ? last.content : last
}
