import { join } from 'node:path'
import {
  AutoModel,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  Tensor,
} from '@huggingface/transformers'
import { AppError } from '../../lib/errors.ts'
import type { VerifyFile } from '../verify.ts'
import { Batcher, type Encoded } from './batcher.ts'
import type { LoadSpec } from './params.ts'
import { poolTokens } from './pooling.ts'

env.allowRemoteModels = false

/** A verified ONNX model in memory. */
export type LoadedModel = {
  /** Without padding or cut. Throws `context_length_exceeded` when a text is longer than the model reads. */
  encode(texts: readonly string[], pairs?: readonly string[]): Encoded[]
  /** Token counts, whatever the length. */
  count(texts: readonly string[]): number[]
  batcher: Batcher
  /** Classes by index; empty for an embedder. */
  labels: readonly string[]
  multiLabel: boolean
  dispose(): Promise<void>
}

const modelFiles = { fp32: 'onnx/model.onnx', fp16: 'onnx/model_fp16.onnx', q8: 'onnx/model_quantized.onnx' } as const

/** Verifies every file that will be read, then loads. Throws `model_unverified` or `engine_unavailable`. */
export const loadModel = async (spec: LoadSpec, verify: VerifyFile): Promise<LoadedModel> => {
  const listed = new Set(spec.files.map((file) => file.path))
  for (const path of ['config.json', 'tokenizer.json', 'tokenizer_config.json', modelFiles[spec.dtype]]) {
    if (!listed.has(path))
      throw new AppError('model_unverified', `model ${spec.id} reads ${join(spec.directory, path)}, for which no sha256 is configured`)
  }
  for (const file of spec.files) await verify({ ...file, path: join(spec.directory, file.path) })
  try {
    const options = { local_files_only: true }
    const tokenizer = await AutoTokenizer.from_pretrained(spec.directory, options)
    const kind = spec.task === 'embedding' ? AutoModel : AutoModelForSequenceClassification
    const model = await kind.from_pretrained(spec.directory, {
      ...options,
      dtype: spec.dtype,
      device: 'cpu',
      session_options: { intraOpNumThreads: spec.threads, interOpNumThreads: 1 },
    })
    return wrap(spec, tokenizer, model)
  } catch (cause) {
    throw new AppError('engine_unavailable', `model ${spec.id} cannot be loaded from ${spec.directory}`, { cause })
  }
}

const wrap = (spec: LoadSpec, tokenizer: PreTrainedTokenizer, model: PreTrainedModel): LoadedModel => {
  const {
    id2label,
    problem_type: problemType,
    max_position_embeddings: positions,
  } = model.config as unknown as {
    id2label?: Record<string, string>
    problem_type?: string
    max_position_embeddings?: number
  }
  const maxTokens = Math.min(
    spec.maxTokens ?? Number.POSITIVE_INFINITY,
    tokenizer.model_max_length ?? Number.POSITIVE_INFINITY,
    positions ?? Number.POSITIVE_INFINITY,
  )
  const encodeOne = (text: string, pair: string | undefined): Encoded => {
    const { input_ids: ids, token_type_ids: typeIds } = tokenizer(text, {
      ...(pair === undefined ? {} : { text_pair: pair }),
      padding: false,
      truncation: false,
      return_tensor: false,
    }) as { input_ids: number[]; token_type_ids?: number[] }
    return { ids, typeIds }
  }
  const run = async (batch: Encoded[]): Promise<Float32Array[]> => {
    const { mask, ...inputs } = pad(batch, tokenizer.pad_token_id ?? 0)
    const output = (await model({ ...inputs, attention_mask: mask })) as Record<string, Tensor>
    if (spec.task !== 'embedding') return rowsOf(output.logits, spec)
    const hidden = output.last_hidden_state ?? output.token_embeddings
    if (!hidden)
      throw new AppError('engine_unavailable', `model ${spec.id} gives no token embeddings, but ${Object.keys(output).join(', ')}`)
    const [, width = 0, dimensions = 0] = hidden.dims
    return poolTokens(
      hidden.data as Float32Array,
      batch.map(({ ids }) => ids.length),
      width,
      dimensions,
      spec.pooling,
    )
  }
  const batcher = new Batcher(run, spec)
  return {
    batcher,
    labels: Object.entries(id2label ?? {})
      .sort(([left], [right]) => Number(left) - Number(right))
      .map(([, label]) => label),
    multiLabel: problemType === 'multi_label_classification',
    encode: (texts, pairs) =>
      texts.map((text, index) => {
        const encoded = encodeOne(text, pairs?.[index])
        if (encoded.ids.length > maxTokens) throw tooLong(index, encoded.ids.length, maxTokens)
        return encoded
      }),
    count: (texts) => texts.map((text) => encodeOne(text, undefined).ids.length),
    dispose: async () => {
      await batcher.idle()
      await model.dispose()
    },
  }
}

const tooLong = (index: number, tokens: number, maxTokens: number) =>
  new AppError('context_length_exceeded', `text ${index} has ${tokens} tokens, and this model reads ${maxTokens}`, { param: 'input' })

const pad = (batch: Encoded[], padId: number) => {
  const width = Math.max(1, ...batch.map(({ ids }) => ids.length))
  const table = (fill: (text: Encoded, position: number) => number) => {
    const data = new BigInt64Array(batch.length * width)
    for (const [row, text] of batch.entries())
      for (let position = 0; position < width; position++) data[row * width + position] = BigInt(fill(text, position))
    return new Tensor('int64', data, [batch.length, width])
  }
  return {
    input_ids: table(({ ids }, position) => ids[position] ?? padId),
    mask: table(({ ids }, position) => (position < ids.length ? 1 : 0)),
    ...(batch.some(({ typeIds }) => typeIds) ? { token_type_ids: table(({ typeIds }, position) => typeIds?.[position] ?? 0) } : {}),
  }
}

const rowsOf = (logits: Tensor | undefined, spec: LoadSpec): Float32Array[] => {
  if (!logits) throw new AppError('engine_unavailable', `model ${spec.id} gives no logits`)
  const [count = 0, columns = 0] = logits.dims
  return Array.from({ length: count }, (_, row) => (logits.data as Float32Array).slice(row * columns, (row + 1) * columns))
}
