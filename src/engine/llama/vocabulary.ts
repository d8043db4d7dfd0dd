import type { LlamaModel } from 'node-llama-cpp'
import { nativeModel } from './native.ts'

/** A model's tokenizer, down to bytes. */
export type Vocabulary = {
  size: number
  /** Tokens of text in which no control token is recognised. */
  tokenize(text: string): number[]
  /** The bytes a token stands for; none for control tokens. */
  bytes(token: number): Uint8Array
  /** Ends the answer. */
  isEnd(token: number): boolean
  /** All that do. */
  ends: readonly number[]
  /** Control tokens by their text. */
  control: ReadonlyMap<string, number>
  /** Tokens of ordinary standing that are matched whole in any text. */
  userDefined: ReadonlySet<string>
  /** Put before every prompt; `undefined` when the model wants none. */
  bos: number | undefined
  bosText: string
  eosText: string
  /** Words carry the space before them, so an answer starts with one that is not its own. */
  leadingSpace: boolean
  /** Fill-in-the-middle tokens, if the model has all three. */
  infill: { prefix: number; suffix: number; middle: number } | undefined
}

// llama.h: enum llama_vocab_type and llama_token_attr.
const byteLevel = 2
const sentencePiece = [1, 4]
const attribute = { unknown: 1, control: 8, userDefined: 16, byte: 32 }

export const readVocabulary = (model: LlamaModel): Vocabulary => {
  const native = nativeModel(model)
  const type = native.getVocabularyType()
  const size = model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0
  const control = new Map<string, number>()
  const userDefined = new Set<string>()
  for (let token = 0; token < size; token++) {
    const attributes = native.getTokenAttributes(token)
    if (attributes & (attribute.control | attribute.unknown)) control.set(native.getTokenString(token), token)
    else if (attributes & attribute.userDefined) userDefined.add(native.getTokenString(token))
  }

  const pieces: (Uint8Array | undefined)[] = []
  const read = (token: number): Uint8Array => {
    const attributes = native.getTokenAttributes(token)
    const text = native.getTokenString(token)
    if (attributes & (attribute.control | attribute.unknown)) return spoken.has(text) ? encoder.encode(text) : empty
    if (attributes & attribute.userDefined) return encoder.encode(text)
    if (attributes & attribute.byte) return Uint8Array.of(Number.parseInt(text.slice(3, 5), 16))
    if (type === byteLevel) return fromByteLevel(text)
    if (sentencePiece.includes(type)) return encoder.encode(text.replaceAll('▁', ' '))
    return encoder.encode(model.detokenize([token as never]))
  }
  const bytes = (token: number): Uint8Array => {
    const known = pieces[token]
    if (known) return known
    const piece = read(token)
    pieces[token] = piece
    return piece
  }

  const isEnd = (token: number): boolean => model.isEogToken(token as never)
  const infill = { prefix: native.prefixToken(), suffix: native.suffixToken(), middle: native.middleToken() }
  return {
    size,
    tokenize: (text) => (text === '' ? [] : Array.from(native.tokenize(text, false))),
    bytes,
    isEnd,
    ends: [...new Set(control.values())].filter(isEnd),
    control,
    userDefined,
    bos: native.shouldPrependBosToken() ? (model.tokens.bos ?? undefined) : undefined,
    bosText: model.tokens.bosString ?? '',
    eosText: model.tokens.eosString ?? '',
    leadingSpace: sentencePiece.includes(type),
    infill: Object.values(infill).every((token) => Number.isInteger(token) && token >= 0) ? infill : undefined,
  }
}

/** Control tokens that are part of what a model says: some models declare the tags of tool calls and thoughts so. */
const spoken = new Set(['<tool_call>', '</tool_call>', '<think>', '</think>'])
const encoder = new TextEncoder()
const empty = new Uint8Array(0)

/** GPT-2's byte alphabet: printable bytes stand for themselves, the other 68 for code points from 256 on. */
const byteOf: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  const rest = bytes.filter((byte) => !printable(byte))
  return new Map(bytes.map((byte) => [String.fromCodePoint(printable(byte) ? byte : 256 + rest.indexOf(byte)), byte]))
})()

const fromByteLevel = (text: string): Uint8Array => {
  const bytes: number[] = []
  for (const character of text) {
    const byte = byteOf.get(character)
    if (byte === undefined) bytes.push(...encoder.encode(character))
    else bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}
