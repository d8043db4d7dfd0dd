import { AppError } from '../../lib/errors.ts'
import { Binary, type Call, hostMethods } from '../host.ts'
import { createModelPool } from '../model-pool.ts'
import { createVerifier } from '../verify.ts'
import { type LoadedModel, loadModel } from './loaded-model.ts'
import {
  type LoadSpec,
  type OnnxChildOptions,
  type OnnxChildStatus,
  optionsVariable,
  type RerankParams,
  type TextsParams,
} from './params.ts'
import { classScores, relevance } from './scores.ts'

/** Entry of the process that hosts ONNX models: a run blocks its thread, so it must not be the gateway's. */
const options: OnnxChildOptions = JSON.parse(process.env[optionsVariable] ?? 'null')
const verify = createVerifier(options.verifyCacheFile)
const pool = createModelPool((spec: LoadSpec) => loadModel(spec, verify))

const rows = async (loaded: LoadedModel, encoded: ReturnType<LoadedModel['encode']>, call: Call) => ({
  rows: await loaded.batcher.submit(encoded, call.signal),
  tokens: encoded.reduce((sum, { ids }) => sum + ids.length, 0),
})

const embed = ({ model, texts }: TextsParams, call: Call) =>
  pool.use(model, async (loaded) => {
    const { rows: vectors, tokens } = await rows(loaded, loaded.encode(texts), call)
    const columns = vectors[0]?.length ?? 0
    const flat = new Float32Array(vectors.length * columns)
    for (const [index, vector] of vectors.entries()) flat.set(vector, index * columns)
    return new Binary({ columns, tokens }, new Uint8Array(flat.buffer))
  })

const classify = ({ model, texts }: TextsParams, call: Call) =>
  pool.use(model, async (loaded) => {
    const { rows: logits, tokens } = await rows(loaded, loaded.encode(texts), call)
    return { scores: logits.map((row) => [...classScores(row, loaded.multiLabel)]), labels: loaded.labels, tokens }
  })

const rerank = ({ model, query, documents }: RerankParams, call: Call) =>
  pool.use(model, async (loaded) => {
    const encoded = loaded.encode(
      documents.map(() => query),
      documents,
    )
    const { rows: logits, tokens } = await rows(loaded, encoded, call)
    if (logits.some((row) => row.length > 2))
      throw new AppError('engine_unavailable', `model ${model.id} has more than two classes: it is no reranker`)
    return { scores: logits.map(relevance), tokens }
  })

const status = (): OnnxChildStatus => ({
  rss: process.memoryUsage.rss(),
  models: pool.list().map(({ spec, loaded, users }) => ({
    id: spec.id,
    state: loaded ? 'loaded' : 'loading',
    running: users,
    waiting: loaded?.batcher.waiting ?? 0,
  })),
})

hostMethods(
  {
    embed,
    classify,
    rerank,
    count: ({ model, texts }: TextsParams) => pool.use(model, async (loaded) => loaded.count(texts)),
    /** Loads ahead of the first request. */
    load: ({ model }: { model: LoadSpec }) => pool.use(model, async () => null),
  },
  status,
  () => pool.close(),
)
