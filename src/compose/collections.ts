import type { WeirConfig } from '../config/schema.ts'
import { pause } from '../lib/pause.ts'
import type { EmbeddingModel } from '../retrieval/embedding.ts'
import { alignEmbedding } from '../retrieval/reindex.ts'
import type { Retrieval } from '../retrieval/retrieval.ts'
import { ingestTree } from '../retrieval/source/tree.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Live } from './live-config.ts'
import { manifestHash } from './models.ts'

/** Whose collections `weir.yaml` declares: routes of every tenant may read them. */
export const sharedTenant = 'default'

/** The configured embedders, each with the version that its vectors carry. */
export const embeddingModels = ({ config, models }: Live): EmbeddingModel[] =>
  [...models.embedders].flatMap(([id, embedder]) => {
    const model = config.models[id]
    return model ? [{ embedder, version: manifestHash(model, config) }] : []
  })

/** Where collections go that name no model or index of their own. */
export const collectionDefaults = (config: WeirConfig): { embedding: string; kind: 'hnsw' } => ({
  embedding: Object.entries(config.models).find(([, model]) => model.kind === 'embedding')?.[0] ?? '',
  kind: 'hnsw',
})

/**
 * Makes the declared collections and reads their sources; of an unchanged tree only the hashes. A source that fails is logged. `onRead` hears of
 * every collection that is through, also of one that failed.
 */
export const ingestSources = async (
  config: WeirConfig,
  retrieval: Retrieval,
  log: Logger,
  signal: AbortSignal,
  onRead: (collection: string) => void,
): Promise<void> => {
  for (const [name, { embedding, index, max_chunk_tokens, sources }] of Object.entries(config.collections)) {
    try {
      const collection = await retrieval.ensureCollection(sharedTenant, name, { embedding, kind: index, maxChunkTokens: max_chunk_tokens })
      // A new release may bring another embedding model: its index is built beside the old one and switched to.
      await alignEmbedding(retrieval, collection, embedding, index, signal)
      for (const path of sources) {
        const { failures, ...summary } = await ingestTree(retrieval, collection, { path, prune: true }, signal)
        log.info({ collection: name, path, ...summary }, 'documents are up to date')
        for (const failure of failures) log.warn({ collection: name, path, ...failure }, 'a document was not taken in')
      }
    } catch (error) {
      if (!signal.aborted) log.error({ collection: name, err: error }, 'a source of documents could not be read')
    } finally {
      onRead(name)
    }
  }
}

/** Which index each declared collection serves from, looked up now and then: a switch of index makes another variant of its routes. */
export const followIndexes = (options: { config: () => WeirConfig; retrieval: Retrieval; onChange: () => void; signal: AbortSignal }) => {
  const { config, retrieval, onChange, signal } = options
  const active = new Map<string, string>()
  const look = async (): Promise<void> => {
    let moved = false
    for (const name of Object.keys(config().collections)) {
      const index = await retrieval.collectionOf(sharedTenant, name).then(
        (collection) => collection.activeIndexId,
        () => null, // not made yet
      )
      if (index === null || active.get(name) === index) continue
      active.set(name, index)
      moved = true
    }
    if (moved) onChange()
  }
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      await look()
      await pause(5_000, signal).catch(() => undefined)
    }
  }
  return { look, follow, indexVersion: (collection: string): string | null => active.get(collection) ?? null }
}
