import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { Embedder } from '../models/embedder.ts'
import type { TracePayload } from '../traces/trace.ts'
import { askedText } from './payload-texts.ts'

/** Embeds the prompts that are due, a few at a time, off the path of any request; returns how many. Throws what the embedder throws. */
export const embedSamples = async (db: Database, route: string, embedder: Embedder, signal: AbortSignal): Promise<number> => {
  let embedded = 0
  while (!signal.aborted) {
    const due = await dueSamples(db, route)
    if (due.length === 0) break
    const texts = due.flatMap(({ text }) => text ?? [])
    const vectors = await embedAll(embedder, texts, signal)
    let next = 0
    const records = due.map(({ id, text }) => ({ id, vector: text === null ? null : base64(vectors[next++]) }))
    await db.execute(sql`
      update monitor_embeddings e set model = ${embedder.id}, vector = decode(given.vector, 'base64')
      from jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as given (id uuid, vector text)
      where e.trace_id = given.id`)
    embedded += texts.length
  }
  return embedded
}

/** Null for a text that the embedder refuses, such as one with more tokens than it reads: the others must not wait for it. */
const embedAll = async (embedder: Embedder, texts: string[], signal: AbortSignal): Promise<(Float32Array | null)[]> => {
  const embed = async (some: string[]) =>
    (await embedder.embed({ texts: some, purpose: 'query', tenant: 'weir', requestId: uuidv7(), signal })).vectors
  if (texts.length === 0) return []
  try {
    return await embed(texts)
  } catch (error) {
    if (!isRefusal(error)) throw error
    return Promise.all(
      texts.map(async (text) => {
        try {
          return (await embed([text]))[0] ?? null
        } catch (refused) {
          if (!isRefusal(refused)) throw refused
          return null
        }
      }),
    )
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'context_length_exceeded' || error.code === 'invalid_request')

const dueSamples = async (db: Database, route: string): Promise<{ id: string; text: string | null }[]> => {
  const rows = await db.execute<{ id: string; payload: TracePayload | null }>(sql`
    select due.trace_id as id, p.payload
    from (select trace_id from monitor_embeddings where route = ${route} and model is null order by minute limit ${groupSize}) as due
    left join trace_payloads p on p.id = due.trace_id`)
  return rows.map(({ id, payload }) => ({ id, text: textToEmbed(payload) }))
}

/** The beginning of a prompt says what it is about. */
const textToEmbed = (payload: TracePayload | null): string | null => {
  const text = askedText(payload)?.trim()
  return text ? text.slice(0, mostCharacters) : null
}

const base64 = (vector: Float32Array | null | undefined): string | null =>
  vector ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64') : null

const mostCharacters = 400
const groupSize = 32
