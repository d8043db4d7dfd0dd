import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { hostMethods } from '../host.ts'
import { createModelPool } from '../model-pool.ts'
import { createVerifier } from '../verify.ts'
import { answerChat } from './chat.ts'
import { loadModel } from './loaded-model.ts'
import { type ChatParams, type LlamaChildOptions, type LlamaChildStatus, type LoadSpec, optionsVariable } from './params.ts'
import { createThreadBudget } from './thread-budget.ts'

/** Entry of the process that hosts llama.cpp. One `Llama` instance, any number of models. */
const options: LlamaChildOptions = JSON.parse(process.env[optionsVariable] ?? 'null')
const verify = createVerifier(options.verifyCacheFile)

const llama = getLlama({
  // Building from source belongs to installation, not to a server's start.
  build: 'never',
  gpu: options.gpu,
  maxThreads: options.threads,
  logLevel: LlamaLogLevel.warn,
  logger: (level, message) => process.stderr.write(`${level}: ${message}\n`),
})

const budget = createThreadBudget(options.threads)
const pool = createModelPool(async (spec: LoadSpec) => {
  await verify(spec)
  return loadModel(await llama, spec, budget)
})

const status = (): LlamaChildStatus => ({
  rss: process.memoryUsage.rss(),
  models: pool.list().map(({ spec, loaded }) => ({
    id: spec.id,
    state: loaded ? 'loaded' : 'loading',
    running: loaded?.scheduler.running ?? 0,
    waiting: loaded?.scheduler.waiting ?? 0,
    sequences: spec.sequences,
  })),
})

hostMethods(
  {
    chat: (params: ChatParams, call) => pool.use(params.model, (loaded) => answerChat(loaded, params, call)),
    /** Loads ahead of the first request. */
    load: (params: { model: LoadSpec }) => pool.use(params.model, async ({ contextTokens }) => ({ contextTokens })),
    /** Token counts of raw texts. */
    count: (params: { model: LoadSpec; texts: string[] }) =>
      pool.use(params.model, async ({ vocabulary }) => params.texts.map((text) => vocabulary.tokenize(text).length)),
  },
  status,
  async () => {
    await pool.close()
    await (await llama).dispose()
  },
)
