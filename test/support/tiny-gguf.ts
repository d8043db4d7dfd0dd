import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * Writes GGUF files of the llama architecture with random weights: real enough for llama.cpp to load, batch, sample and constrain, and
 * made in milliseconds. Format: ggml, docs/gguf.md, version 3.
 */
export type TinyGguf = {
  embedding?: number
  layers?: number
  feedForward?: number
  heads?: number
  /** Tokens; the rest after bytes, letters and roles are made-up words. */
  vocabulary?: number
  contextTokens?: number
  /** Storage of the matrices. */
  type?: 'f32' | 'q8_0'
  seed?: number
  /** Left out of the file when null. */
  chatTemplate?: string | null
}

export const chatMlTemplate =
  '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

const kinds = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10 } as const
const tensorTypes = { f32: 0, q8_0: 8 } as const
const tokenTypes = { normal: 1, unknown: 2, control: 3, byte: 6 } as const
const alignment = 32

export const writeTinyGguf = (path: string, options: TinyGguf = {}): void => {
  const {
    embedding = 64,
    layers = 2,
    feedForward = 128,
    heads = 4,
    vocabulary = 512,
    contextTokens = 1_024,
    type = 'f32',
    seed = 1,
  } = options
  const tokens = makeTokens(vocabulary)
  const template = options.chatTemplate === undefined ? chatMlTemplate : options.chatTemplate
  const metadata: Buffer[] = [
    pair('general.architecture', 'string', string('llama')),
    pair('general.name', 'string', string('tiny random')),
    pair('llama.context_length', 'u32', u32(contextTokens)),
    pair('llama.embedding_length', 'u32', u32(embedding)),
    pair('llama.block_count', 'u32', u32(layers)),
    pair('llama.feed_forward_length', 'u32', u32(feedForward)),
    pair('llama.attention.head_count', 'u32', u32(heads)),
    pair('llama.attention.head_count_kv', 'u32', u32(heads)),
    pair('llama.attention.layer_norm_rms_epsilon', 'f32', f32(1e-5)),
    pair('llama.rope.dimension_count', 'u32', u32(embedding / heads)),
    pair('llama.vocab_size', 'u32', u32(vocabulary)),
    pair('tokenizer.ggml.model', 'string', string('llama')),
    pair(
      'tokenizer.ggml.tokens',
      'array',
      array(
        'string',
        tokens.map(({ text }) => string(text)),
      ),
    ),
    pair(
      'tokenizer.ggml.scores',
      'array',
      array(
        'f32',
        tokens.map((_, index) => f32(-index)),
      ),
    ),
    pair(
      'tokenizer.ggml.token_type',
      'array',
      array(
        'i32',
        tokens.map(({ kind }) => u32(tokenTypes[kind])),
      ),
    ),
    pair('tokenizer.ggml.bos_token_id', 'u32', u32(1)),
    pair('tokenizer.ggml.eos_token_id', 'u32', u32(2)),
    pair('tokenizer.ggml.unknown_token_id', 'u32', u32(0)),
    pair('tokenizer.ggml.add_bos_token', 'bool', Buffer.of(1)),
    ...(template === null ? [] : [pair('tokenizer.chat_template', 'string', string(template))]),
  ]

  const norm = (name: string) => ({ name, shape: [embedding], type: 'f32' as const, norm: true })
  const matrix = (name: string, columns: number, rows: number) => ({ name, shape: [columns, rows], type, norm: false })
  const tensors = [
    matrix('token_embd.weight', embedding, vocabulary),
    norm('output_norm.weight'),
    ...Array.from({ length: layers }, (_, layer) => [
      norm(`blk.${layer}.attn_norm.weight`),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => matrix(`blk.${layer}.${name}.weight`, embedding, embedding)),
      norm(`blk.${layer}.ffn_norm.weight`),
      matrix(`blk.${layer}.ffn_gate.weight`, embedding, feedForward),
      matrix(`blk.${layer}.ffn_up.weight`, embedding, feedForward),
      matrix(`blk.${layer}.ffn_down.weight`, feedForward, embedding),
    ]).flat(),
  ]

  let offset = 0
  const infos = tensors.map((tensor) => {
    const info = Buffer.concat([
      string(tensor.name),
      u32(tensor.shape.length),
      ...tensor.shape.map((size) => u64(size)),
      u32(tensorTypes[tensor.type]),
      u64(offset),
    ])
    offset += padded(bytesOf(tensor))
    return info
  })
  const header = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(metadata.length), ...metadata, ...infos])
  const file = openSync(path, 'w')
  writeSync(file, Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length)]))
  const random = randomBits(seed)
  for (const tensor of tensors) {
    const data = weights(tensor, random)
    writeSync(file, Buffer.concat([data, Buffer.alloc(padded(data.length) - data.length)]))
  }
  closeSync(file)
}

type Tensor = { shape: number[]; type: 'f32' | 'q8_0'; norm: boolean }
type Token = { text: string; kind: keyof typeof tokenTypes }

const makeTokens = (count: number): Token[] => {
  const letters = '▁etaoinshrdlucmfwypvbgkqjxz0123456789ETAOINSHRDLUCMFWYPVBGKQJXZ.,:;!?"\'{}[]()-_/\\\n|<>=+*&%$#@~`^'
  const tokens: Token[] = [
    { text: '<unk>', kind: 'unknown' },
    { text: '<s>', kind: 'control' },
    { text: '</s>', kind: 'control' },
    ...Array.from({ length: 256 }, (_, byte): Token => ({ text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, kind: 'byte' })),
    { text: '<|im_start|>', kind: 'control' },
    { text: '<|im_end|>', kind: 'control' },
    ...[...letters].map((text): Token => ({ text, kind: 'normal' })),
  ]
  while (tokens.length < count) tokens.push({ text: `▁w${tokens.length}`, kind: 'normal' })
  return tokens
}

const elements = ({ shape }: Tensor): number => shape.reduce((product, size) => product * size, 1)
const bytesOf = (tensor: Tensor): number => (tensor.type === 'f32' ? elements(tensor) * 4 : (elements(tensor) / 32) * 34)
const padded = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

/** Zero mean, standard deviation near 0.05; norms are ones. q8_0: blocks of 32, an f16 scale and 32 signed bytes. */
const weights = (tensor: Tensor, random: () => number): Buffer => {
  const count = elements(tensor)
  if (tensor.norm) return Buffer.from(new Float32Array(count).fill(1).buffer)
  if (tensor.type === 'f32') return Buffer.from(Float32Array.from({ length: count }, () => (random() / 2 ** 32 - 0.5) * 0.17).buffer)
  const data = Buffer.alloc((count / 32) * 34)
  for (let block = 0; block < data.length; block += 34) {
    data.writeUInt16LE(0x1180, block) // 0.00067 as f16
    for (let word = 0; word < 8; word++) data.writeUInt32LE(random(), block + 2 + word * 4)
  }
  return data
}

/** xorshift32. */
const randomBits = (seed: number): (() => number) => {
  let state = seed * 0x9e3779b9 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}
const string = (text: string): Buffer => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)])
const array = (kind: keyof typeof kinds, items: Buffer[]): Buffer => Buffer.concat([u32(kinds[kind]), u64(items.length), ...items])
const pair = (key: string, kind: keyof typeof kinds, value: Buffer): Buffer => Buffer.concat([string(key), u32(kinds[kind]), value])
