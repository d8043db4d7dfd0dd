import type { Hono } from 'hono'
import type { Prepare } from '../answer/prepare.ts'
import type { DatabaseHandle } from '../db/database.ts'
import { promptRoutes } from '../http/admin/prompts.ts'
import type { Env } from '../http/context.ts'
import { fileRoutes } from '../http/files.ts'
import { rerankRoutes } from '../http/rerank.ts'
import { vectorStoreRoutes } from '../http/vector-stores.ts'
import { collectionRoutes } from '../http/vector-stores-admin.ts'
import type { Clock } from '../lib/clock.ts'
import { bootstrapPrompts } from '../prompts/bootstrap.ts'
import { createPromptTable } from '../prompts/table.ts'
import { createAttachments } from '../retrieval/attachments.ts'
import { reclaimStandby } from '../retrieval/reindex.ts'
import { createRetrieval } from '../retrieval/retrieval.ts'
import type { PromptChoice } from '../rollout/route.ts'
import type { Logger } from '../telemetry/log.ts'
import { collectionDefaults, embeddingModels, followIndexes, ingestSources, sharedTenant } from './collections.ts'
import { promptGate } from './evals.ts'
import type { Live } from './live-config.ts'
import { createPrepare, promptClosure, toReference } from './prepare.ts'
import type { Moving } from './routes.ts'
import { suiteCases } from './suite-cases.ts'

export type KnowledgeOptions = {
  database: DatabaseHandle
  stateDir: string
  /** Folder of prompt files, for the very first start. */
  promptsFolder: string
  live: () => Live
  /** A label or an index moved: routes are other variants now. */
  onMove: () => void
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export type Knowledge = {
  moving: Moving
  /** Hash of the version that a choice means now. Rejects with `not_found` when there is none. */
  promptClosure(choice: PromptChoice): Promise<string>
  prepare: Prepare
  mounts: Readonly<Record<string, Hono<Env>>>
  /** Reads the prompt versions that routes name by number, so that their variants have their hash. */
  readPinned(): Promise<void>
  /** Drops indexes that a switch left behind more than a week ago. */
  reclaimIndexes(): Promise<string[]>
  /** Resolves when the sources of the declared collections were read once; begins to when nobody did, as in a command without a server. */
  documentsRead(): Promise<void>
  /** Reads what routes need; ingests sources in the background when `serving`. */
  start(serving: boolean): Promise<void>
  close(): Promise<void>
}

/** What goes into an answer besides the model: prompts and retrieved passages. */
export const createKnowledge = (options: KnowledgeOptions): Knowledge => {
  const { database, stateDir, promptsFolder, live, onMove, clock, log, signal } = options
  const { db, listen } = database
  const prompts = createPromptTable({
    db,
    listen,
    clock,
    pollMs: 2_000,
    onChange: onMove,
    onError: (error) => log.warn({ err: error }, 'prompts could not be read again'),
  })
  const retrieval = createRetrieval({
    database,
    stateDir,
    models: () => embeddingModels(live()),
    reranker: () => [...live().models.rerankers.values()][0],
    sharedTenant,
    log: (level, message, details) => log[level](details ?? {}, message),
    clock,
  })
  const attachments = createAttachments(retrieval)
  const indexes = followIndexes({ config: () => live().config, retrieval, onChange: onMove, signal })
  const defaults = () => collectionDefaults(live().config)
  const readPinned = async (): Promise<void> => {
    const choices = Object.values(live().config.routes).flatMap(({ variants }) => variants.flatMap(({ prompt }) => prompt ?? []))
    for (const choice of choices.filter(({ version }) => version !== undefined)) {
      await prompts
        .resolve(toReference(choice))
        .catch((error) =>
          log.warn({ prompt: choice.name, version: choice.version, err: error }, 'a route names a prompt that is not there'),
        )
    }
  }
  let working: Promise<unknown> = Promise.resolve()
  let reading: Promise<void> | undefined
  /** Declared collections whose sources are being read for the first time. */
  const unread = new Set<string>()
  const documentsRead = (): Promise<void> => {
    if (reading) return reading
    const { config } = live()
    for (const name of Object.keys(config.collections)) if (indexes.indexVersion(name) === null) unread.add(name)
    reading = ingestSources(config, retrieval, log, signal, (name) => unread.delete(name)).then(indexes.look)
    return reading
  }

  return {
    moving: { promptClosure: promptClosure(prompts), indexVersion: indexes.indexVersion },
    promptClosure: async (choice) => (await prompts.resolve(toReference(choice))).prompt.closureHash,
    prepare: createPrepare({
      prompts,
      retrieval,
      embedderOf: (version) => embeddingModels(live()).find((model) => model.version === version)?.embedder,
      isUnread: (collection) => unread.has(collection),
    }),
    mounts: {
      '/v1/files': fileRoutes({ db, clock, detach: attachments.detachEverywhere }),
      '/v1/vector_stores': vectorStoreRoutes({ retrieval, attachments, defaults }),
      '/v1/rerank': rerankRoutes({ rerankerOf: (model) => live().models.rerankers.get(model) }),
      '/admin/collections': collectionRoutes({ retrieval, defaults }),
      '/admin/prompts': promptRoutes({ db, clock, findPassingEvalRun: promptGate(db), casesOf: suiteCases(db, clock) }),
    },
    readPinned,
    documentsRead,
    reclaimIndexes: () => reclaimStandby(retrieval, weekMs),
    start: async (serving) => {
      // Commands too: a sync before the first start would leave nothing labelled `production`.
      await bootstrapPrompts({ db, folder: promptsFolder, clock })
      await prompts.start()
      await readPinned()
      await indexes.look()
      if (!serving) return
      working = Promise.all([documentsRead(), indexes.follow(), attachments.resume()]).catch((error) => {
        if (!signal.aborted) log.error({ err: error }, 'background work on documents stopped')
      })
    },
    close: async () => {
      await prompts.close()
      await attachments.close()
      await retrieval.close()
      await working
    },
  }
}

const weekMs = 7 * 24 * 3_600_000
