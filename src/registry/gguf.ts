import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { AppError } from '../lib/errors.ts'
import { sha256 } from '../lib/hash.ts'

/**
 * What the header of a GGUF file says. Template and tokenizer have hashes of their own: changing either changes what a model does with
 * the same weights.
 */
export type GgufFacts = {
  architecture: string
  /** Storage of most tensors, such as `Q4_K_M`; null when the file does not say. */
  quantisation: string | null
  contextLength: number | null
  embeddingLength: number | null
  blockCount: number | null
  tensorCount: number
  name: string | null
  licence: string | null
  chatTemplateSha256: string | null
  tokenizerSha256: string | null
}

/** Reads the header alone, without loading anything native. Throws `invalid_request` when it is no GGUF file, version 2 or 3. Format: ggml, docs/gguf.md. */
export const readGguf = async (path: string): Promise<GgufFacts> => {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new AppError('invalid_request', `cannot read ${path}`, { cause })
  })
  try {
    return factsOf(await readHeader(new HeaderReader(file, path)))
  } finally {
    await file.close()
  }
}

type Header = {
  tensorCount: number
  values: Map<string, string | number | boolean | bigint>
  chatTemplate: string | null
  tokenizer: string | null
}

const readHeader = async (reader: HeaderReader): Promise<Header> => {
  const magic = await reader.bytes(4)
  const version = magic.toString('latin1') === 'GGUF' ? await reader.u32() : 0
  if (version !== 2 && version !== 3) throw reader.fault('it is not a GGUF file of version 2 or 3')
  const header: Header = { tensorCount: await reader.count(), values: new Map(), chatTemplate: null, tokenizer: null }
  const pairs = await reader.count()
  const tokenizer = createHash('sha256')
  let hasTokenizer = false
  for (let index = 0; index < pairs; index += 1) {
    const key = await reader.text(65_535)
    const type = await reader.u32()
    if (key.startsWith('tokenizer.') && !key.startsWith('tokenizer.chat_template')) {
      hasTokenizer = true
      tokenizer.update(`${key}\0${type}\0`)
      await reader.skip(type, (bytes) => tokenizer.update(bytes))
    } else if (type === arrayType) await reader.skip(type)
    else {
      const value = await reader.scalar(type)
      if (key === 'tokenizer.chat_template') header.chatTemplate = String(value)
      else header.values.set(key, value)
    }
  }
  header.tokenizer = hasTokenizer ? tokenizer.digest('hex') : null
  return header
}

const factsOf = ({ tensorCount, values, chatTemplate, tokenizer }: Header): GgufFacts => {
  const text = (key: string) => {
    const value = values.get(key)
    return typeof value === 'string' ? value : null
  }
  const number = (key: string) => {
    const value = values.get(key)
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null
  }
  const architecture = text('general.architecture') ?? 'unknown'
  const fileType = number('general.file_type')
  return {
    architecture,
    quantisation: fileType === null ? null : (fileTypes[fileType] ?? `type ${fileType}`),
    contextLength: number(`${architecture}.context_length`),
    embeddingLength: number(`${architecture}.embedding_length`),
    blockCount: number(`${architecture}.block_count`),
    tensorCount,
    name: text('general.name'),
    licence: text('general.license'),
    chatTemplateSha256: chatTemplate === null ? null : sha256(chatTemplate),
    tokenizerSha256: tokenizer,
  }
}

/** `general.file_type`, llama.cpp's llama_ftype. */
const fileTypes: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  19: 'IQ2_XXS',
  20: 'IQ2_XS',
  21: 'Q2_K_S',
  22: 'IQ3_XS',
  23: 'IQ3_XXS',
  24: 'IQ1_S',
  25: 'IQ4_NL',
  26: 'IQ3_S',
  27: 'IQ3_M',
  28: 'IQ2_S',
  29: 'IQ2_M',
  30: 'IQ4_XS',
  31: 'IQ1_M',
  32: 'BF16',
  36: 'TQ1_0',
  37: 'TQ2_0',
}

const stringType = 8
const arrayType = 9
/** Bytes of each scalar type: u8 i8 u16 i16 u32 i32 f32 bool – – u64 i64 f64. */
const sizes: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8]
const chunkBytes = 1 << 18

/** Reads forward through the head of a file, a chunk at a time, and believes no length it has not checked. */
class HeaderReader {
  readonly #file: FileHandle
  readonly #path: string
  #buffer = Buffer.alloc(0)
  #at = 0
  #position = 0

  constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  fault(reason: string): AppError {
    return new AppError('invalid_request', `cannot read ${this.#path}: ${reason}`)
  }

  async bytes(count: number): Promise<Buffer> {
    while (this.#buffer.length - this.#at < count) {
      const chunk = Buffer.alloc(Math.max(chunkBytes, count))
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, this.#position)
      if (bytesRead === 0) throw this.fault('it ends inside its header')
      this.#position += bytesRead
      this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), chunk.subarray(0, bytesRead)])
      this.#at = 0
    }
    this.#at += count
    return this.#buffer.subarray(this.#at - count, this.#at)
  }

  async u32(): Promise<number> {
    return (await this.bytes(4)).readUInt32LE()
  }

  /** A 64-bit count that must be plausible: a forged one would have us read for ever. */
  async count(most = 1 << 24): Promise<number> {
    const value = (await this.bytes(8)).readBigUInt64LE()
    if (value > BigInt(most)) throw this.fault(`a count of ${value} is not plausible`)
    return Number(value)
  }

  async text(most = 1 << 24): Promise<string> {
    return (await this.bytes(await this.count(most))).toString('utf8')
  }

  async scalar(type: number): Promise<string | number | boolean | bigint> {
    if (type === stringType) return this.text()
    const size = sizes[type]
    if (size === undefined) throw this.fault(`value type ${type} is unknown`)
    const bytes = await this.bytes(size)
    if (type === 7) return bytes[0] !== 0
    if (type === 6) return bytes.readFloatLE()
    if (type === 12) return bytes.readDoubleLE()
    if (type === 10) return bytes.readBigUInt64LE()
    if (type === 11) return bytes.readBigInt64LE()
    return type % 2 === 0 ? bytes.readUIntLE(0, size) : bytes.readIntLE(0, size)
  }

  /** Passes over a value of any type, showing its bytes. */
  async skip(type: number, see: (bytes: Buffer) => void = () => {}): Promise<void> {
    if (type === stringType) return see(await this.bytes(await this.count()))
    if (type !== arrayType) {
      const size = sizes[type]
      if (size === undefined) throw this.fault(`value type ${type} is unknown`)
      return see(await this.bytes(size))
    }
    const itemType = await this.u32()
    if (itemType === arrayType) throw this.fault('lists of lists are not supported')
    const count = await this.count()
    see(Buffer.from(`${itemType}:${count};`))
    const itemSize = sizes[itemType]
    if (itemSize !== undefined) return see(await this.bytes(count * itemSize))
    for (let index = 0; index < count; index += 1) {
      if (itemType !== stringType) throw this.fault(`value type ${itemType} is unknown`)
      const text = await this.bytes(await this.count())
      see(Buffer.from(`${text.length}:`))
      see(text)
    }
  }
}
