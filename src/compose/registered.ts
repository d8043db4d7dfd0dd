import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import type { Hono } from 'hono'
import ourPackage from '../../package.json' with { type: 'json' }
import type { ModelConfig, WeirConfig } from '../config/schema.ts'
import type { DatabaseHandle } from '../db/database.ts'
import { retrievalIndex } from '../db/schema/retrieval.ts'
import { modelRoutes } from '../http/admin/models.ts'
import type { Env } from '../http/context.ts'
import type { Clock } from '../lib/clock.ts'
import { checkOut } from '../registry/artifacts/checkout.ts'
import { createLocalArtifacts } from '../registry/artifacts/local.ts'
import { createS3Artifacts } from '../registry/artifacts/s3.ts'
import { createModelTable, type RegisteredModel } from '../registry/table.ts'
import type { Logger } from '../telemetry/log.ts'
import { manifestHash } from './models.ts'

export type Registered = {
  mounts: Readonly<Record<string, Hono<Env>>>
  /** The configuration with every registered model in it, as `name@alias`, `name@version` and, for `production`, `name`. */
  join(config: WeirConfig): WeirConfig
  start(): Promise<void>
  close(): Promise<void>
}

export type RegisteredOptions = {
  database: DatabaseHandle
  stateDir: string
  artifacts: WeirConfig['artifacts']
  hub: { endpoint: string; token: string | undefined }
  config: () => WeirConfig
  /** What is registered, or which version an alias means, is not what it was. */
  onChange: () => void
  clock: Clock
  log: Logger
}

/** Models from the registry, as if they were written in `weir.yaml`. Their files are linked out of the store and verified when loaded. */
export const createRegistered = (options: RegisteredOptions): Registered => {
  const { database, stateDir, artifacts, hub, config, onChange, clock, log } = options
  const { db, listen } = database
  const folder = join(stateDir, 'artifacts')
  const downloads = createLocalArtifacts(folder)
  const store = artifacts === undefined ? downloads : createS3Artifacts({ ...s3Options(artifacts), cacheFolder: folder })
  let models: Record<string, ModelConfig> = {}

  const place = async (): Promise<void> => {
    const placed: Record<string, ModelConfig> = {}
    for (const reference of table.references()) {
      try {
        const model = table.resolve(reference)
        const entry = model && (await toConfig(model, (manifest) => checkOut(store, manifest, join(stateDir, 'models'))))
        if (entry) placed[reference] = entry
      } catch (error) {
        log.error({ model: reference, err: error }, 'a registered model cannot be used')
      }
    }
    models = placed
    onChange()
  }
  let placing: Promise<void> = Promise.resolve()
  const table = createModelTable({
    db,
    listen,
    pollMs: 2_000,
    onChange: () => {
      placing = placing.then(place)
    },
    onError: (error) => log.warn({ err: error }, 'registered models could not be read again'),
  })
  const joinTo = (base: WeirConfig): WeirConfig => ({ ...base, models: { ...models, ...base.models } })

  /** An embedding alias must not move to a version whose vectors no index holds. */
  const indexExists = async (name: string, version: number): Promise<boolean> => {
    await placing
    const model = models[`${name}@${version}`]
    if (!model) return false
    const built = eq(retrievalIndex.embeddingVersion, manifestHash(model, config()))
    return (await db.select({ id: retrievalIndex.id }).from(retrievalIndex).where(built).limit(1)).length > 0
  }

  return {
    mounts: {
      '/admin/models': modelRoutes({
        db,
        clock,
        artifacts: { store, downloads },
        hub,
        runtime: runtimeVersions,
        indexExists,
      }),
    },
    join: joinTo,
    start: async () => {
      await table.start()
      await placing
    },
    close: async () => {
      await table.close()
      await placing
    },
  }
}

/** What runs models here; pinned, so the lockfile's word is the installed one. */
const runtimeVersions = {
  'node-llama-cpp': ourPackage.dependencies['node-llama-cpp'],
  '@huggingface/transformers': ourPackage.dependencies['@huggingface/transformers'],
}

const toConfig = async (
  { kind, format, manifest, facts }: RegisteredModel,
  filesOf: (manifest: RegisteredModel['manifest']) => Promise<string>,
): Promise<ModelConfig | undefined> => {
  if (kind === 'hosted') return facts.hosted ? { kind: 'llm', ...facts.hosted } : undefined
  if (format === 'gguf' && kind === 'llm') {
    const [file] = manifest
    return file && { kind, path: join(await filesOf(manifest), file.path), sha256: file.sha256, bytes: file.size }
  }
  if (format !== 'onnx') return undefined
  const files = Object.fromEntries(manifest.map((file) => [file.path, file.sha256]))
  const local = { path: await filesOf(manifest), files }
  if (kind === 'reranker') return { kind, ...local }
  if (kind !== 'embedding' || !facts.embedding) return undefined
  const { dimensions, pooling, queryPrefix, passagePrefix } = facts.embedding
  return {
    kind,
    ...local,
    dimensions,
    pooling: pooling === 'cls' ? 'cls' : 'mean',
    query_prefix: queryPrefix,
    passage_prefix: passagePrefix,
  }
}

const s3Options = (settings: NonNullable<WeirConfig['artifacts']>) => ({
  bucket: settings.bucket,
  endpoint: settings.endpoint,
  region: settings.region,
  accessKeyId: settings.access_key_id,
  secretAccessKey: settings.secret_access_key,
  prefix: settings.prefix,
})
