import { AppError } from '../../lib/errors.ts'
import type { Embedder, Embeddings, EmbedRequest } from '../embedder.ts'
import { createConnection } from './connection.ts'
import { isRecord } from './host-error.ts'

export type HostedEmbedderOptions = {
  id: string
  baseUrl: string
  apiKey?: string | undefined
  headers?: Record<string, string> | undefined
  model: string
  dimensions: number
  maxTokens: number
}

/** Texts in one call to the host: OpenAI's own bound is 2,048, servers at home take fewer. */
const batchSize = 256

/** An embedder behind OpenAI's `/embeddings`. Vectors come as base64 where the host can, which is a quarter of the bytes of JSON. */
export const openAiEmbeddings = (options: HostedEmbedderOptions): Embedder => {
  const { id, model, dimensions, maxTokens } = options
  const connection = createConnection({
    name: id,
    baseUrl: options.baseUrl,
    headers: { ...(options.apiKey && { authorization: `Bearer ${options.apiKey}` }), ...options.headers },
  })

  const embedBatch = async (texts: string[], request: EmbedRequest): Promise<Embeddings> => {
    const size = request.dimensions ?? dimensions
    const asked = size === dimensions ? undefined : size
    const body = { model, input: texts, dimensions: asked, encoding_format: 'base64' }
    const answer = await connection.json(await connection.post('/embeddings', body, request), request)
    return readEmbeddings(id, answer, texts, size)
  }

  return {
    id,
    dimensions,
    maxTokens,
    async embed(request) {
      const vectors: Float32Array[] = []
      let tokens = 0
      for (let start = 0; start < request.texts.length; start += batchSize) {
        const batch = await embedBatch(request.texts.slice(start, start + batchSize), request)
        vectors.push(...batch.vectors)
        tokens += batch.tokens
      }
      return { vectors, tokens }
    },
    // A hosted model keeps its tokenizer to itself: about four characters a token, rounded up so that chunks stay inside the limit.
    countTokens: async (texts) => texts.map(estimateTokens),
  }
}

const readEmbeddings = (host: string, answer: unknown, texts: string[], size: number): Embeddings => {
  const vectors: (Float32Array | undefined)[] = texts.map(() => undefined)
  const entries = isRecord(answer) && Array.isArray(answer.data) ? answer.data : []
  for (const [position, entry] of entries.entries()) {
    if (isRecord(entry)) vectors[typeof entry.index === 'number' ? entry.index : position] = readVector(entry.embedding)
  }
  const complete = vectors.filter((vector) => vector?.length === size)
  if (complete.length !== texts.length || vectors.length !== texts.length) {
    throw new AppError('upstream_failed', `${host} did not answer with ${texts.length} vectors of ${size} dimensions`)
  }
  const usage = isRecord(answer) && isRecord(answer.usage) ? answer.usage : {}
  const tokens = typeof usage.prompt_tokens === 'number' ? usage.prompt_tokens : texts.reduce((sum, text) => sum + estimateTokens(text), 0)
  return { vectors: vectors as Float32Array[], tokens }
}

/** Unit length, as the port promises: not every host normalises, and none does after cutting dimensions by hand. */
const readVector = (embedding: unknown): Float32Array | undefined => {
  const vector =
    typeof embedding === 'string'
      ? fromBase64(embedding)
      : Array.isArray(embedding)
        ? Float32Array.from(embedding as number[])
        : new Float32Array()
  const norm = Math.hypot(...vector)
  if (!Number.isFinite(norm) || norm === 0) return undefined
  return vector.map((value) => value / norm)
}

/** Little-endian float32. Copied, because a pooled Buffer need not start at a multiple of four. */
const fromBase64 = (text: string): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / 4))
}

const estimateTokens = (text: string) => Math.ceil(text.length / 4) + 2
