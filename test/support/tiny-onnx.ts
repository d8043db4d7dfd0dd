import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileSpec, scratch } from './local-models.ts'

/**
 * Writes ONNX model directories in the hub's layout with a WordPiece tokenizer: a static embedder (token embeddings alone), and a classifier
 * (mean of token embeddings, one matrix). Protobuf field numbers: onnx.proto3, opset 17.
 */
export type TinyOnnx = {
  /** Classes of a classifier; absent for an embedder. One class makes a reranker. */
  labels?: string[]
  dimensions?: number
  maxTokens?: number
}

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefghijklmnopqrstuvwxyz0123456789'.split('')]
const vocabulary = [...words, ...words.slice(5).map((letter) => `##${letter}`), 'cat', 'dog', 'refund', 'policy', 'weather']

/** A directory and its files with hashes. */
export const writeTinyOnnx = ({ labels, dimensions = 8, maxTokens = 64 }: TinyOnnx = {}) => {
  const directory = join(scratch(), 'model')
  mkdirSync(join(directory, 'onnx'), { recursive: true })
  const write = (path: string, content: string | Buffer) => writeFileSync(join(directory, path), content)
  write('onnx/model.onnx', labels ? classifier(dimensions, labels.length) : embedder(dimensions))
  write(
    'config.json',
    JSON.stringify({
      model_type: 'bert',
      architectures: [labels ? 'BertForSequenceClassification' : 'BertModel'],
      hidden_size: dimensions,
      vocab_size: vocabulary.length,
      max_position_embeddings: maxTokens,
      ...(labels
        ? { id2label: Object.fromEntries(labels.entries()), label2id: Object.fromEntries(labels.map((label, index) => [label, index])) }
        : {}),
    }),
  )
  write('tokenizer.json', JSON.stringify(tokenizer))
  write(
    'tokenizer_config.json',
    JSON.stringify({ tokenizer_class: 'BertTokenizer', model_max_length: maxTokens, pad_token: '[PAD]', unk_token: '[UNK]' }),
  )
  const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'].map((path) => ({
    ...fileSpec(join(directory, path)),
    path,
  }))
  return { directory, files }
}

const embedder = (dimensions: number): Buffer =>
  model([node('Gather', ['embeddings', 'input_ids'], 'last_hidden_state')], [table(dimensions)], {
    name: 'last_hidden_state',
    shape: ['b', 's', dimensions],
  })

const classifier = (dimensions: number, classes: number): Buffer =>
  model(
    [
      node('Gather', ['embeddings', 'input_ids'], 'tokens'),
      node('Cast', ['attention_mask'], 'mask', attribute('to', 1)),
      node('Unsqueeze', ['mask', 'last'], 'column'),
      node('Mul', ['tokens', 'column'], 'kept'),
      node('ReduceSum', ['kept', 'middle'], 'sum', attribute('keepdims', 0)),
      node('ReduceSum', ['column', 'middle'], 'count', attribute('keepdims', 0)),
      node('Div', ['sum', 'count'], 'mean'),
      node('MatMul', ['mean', 'matrix'], 'logits'),
    ],
    [table(dimensions), floats('matrix', [dimensions, classes], 7, 4), ints('last', [2]), ints('middle', [1])],
    { name: 'logits', shape: ['b', classes] },
  )

const table = (dimensions: number) => floats('embeddings', [vocabulary.length, dimensions], 3, 1)

const special = ['[CLS]', '[SEP]']
const specialToken = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: words
    .slice(0, 5)
    .map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [specialToken('[CLS]', 0), sequence('A', 0), specialToken('[SEP]', 0)],
    pair: [specialToken('[CLS]', 0), sequence('A', 0), specialToken('[SEP]', 0), sequence('B', 1), specialToken('[SEP]', 1)],
    special_tokens: Object.fromEntries(special.map((id) => [id, { id, ids: [vocabulary.indexOf(id)], tokens: [id] }])),
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(vocabulary.map((word, index) => [word, index])),
  },
}

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0))
    if (rest < 128) return Buffer.from(bytes)
  }
}
const number = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)])
const bytes = (field: number, value: Buffer | string): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value)])

const node = (operator: string, inputs: string[], output: string, ...attributes: Buffer[]): Buffer =>
  bytes(1, Buffer.concat([...inputs.map((input) => bytes(1, input)), bytes(2, output), bytes(4, operator), ...attributes]))

const attribute = (name: string, value: number): Buffer => bytes(5, Buffer.concat([bytes(1, name), number(3, value), number(20, 2)]))

const tensor = (name: string, shape: number[], type: number, data: ArrayBufferLike): Buffer =>
  bytes(5, Buffer.concat([...shape.map((size) => number(1, size)), number(2, type), bytes(8, name), bytes(9, Buffer.from(data))]))

const ints = (name: string, values: number[]): Buffer => tensor(name, [values.length], 7, BigInt64Array.from(values.map(BigInt)).buffer)

/** Weights that look random and are always the same. */
const floats = (name: string, shape: number[], step: number, scale: number): Buffer =>
  tensor(
    name,
    shape,
    1,
    Float32Array.from(
      { length: shape.reduce((product, size) => product * size, 1) },
      (_, index) => scale * Math.sin(step * (index + 1) ** 1.3),
    ).buffer,
  )

type Value = { name: string; shape: (string | number)[] }
const value = (field: number, { name, shape }: Value, type: number): Buffer => {
  const sizes = shape.map((size) => bytes(1, typeof size === 'number' ? number(1, size) : bytes(2, size)))
  return bytes(field, Buffer.concat([bytes(1, name), bytes(2, bytes(1, Buffer.concat([number(1, type), bytes(2, Buffer.concat(sizes))])))]))
}

const model = (nodes: Buffer[], initializers: Buffer[], output: Value): Buffer => {
  const inputs = ['input_ids', 'attention_mask'].map((name) => value(11, { name, shape: ['b', 's'] }, 7))
  const graph = Buffer.concat([...nodes, bytes(2, 'tiny'), ...initializers, ...inputs, value(12, output, 1)])
  return Buffer.concat([number(1, 8), bytes(8, Buffer.concat([bytes(1, ''), number(2, 17)])), bytes(7, graph)])
}
