import type { Database } from '../db/database.ts'
import { AppError } from '../lib/errors.ts'
import type { LocalArtifacts } from './artifacts/local.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import { describeFiles, takeIn } from './describe.ts'
import { chooseFiles, type HubFile, type HubOptions, hubCommit, hubFiles, parseHubReference } from './hub.ts'
import { type ArtifactFile, makeManifest } from './manifest.ts'
import { type ModelFacts, type ModelKind, noFacts } from './model-version.ts'
import { downloadFile, type PullProgress } from './pull.ts'
import { registerModel } from './versions.ts'

/** Where model files are kept. `downloads` is the local folder that pulls land in; it may be `store` itself. */
export type Artifacts = { store: ArtifactStore; downloads: LocalArtifacts }

/** What people say of a model beyond its files; overrides what the files say. */
export type GivenFacts = Partial<Omit<ModelFacts, 'gguf' | 'chatTemplateSha256' | 'tokenizerSha256'>>
export type Installation = {
  name: string
  kind: ModelKind
  given: GivenFacts
  card: string | null
  actor: string
  reason: string
  nowMs: number
}
export type Installed = { version: number; created: boolean }

/** Registers a file or folder of this machine: hashed, taken into the store, described by its own headers. */
export const addModel = async (
  db: Database,
  { store }: Artifacts,
  path: string,
  installation: Installation,
  progress: (file: ArtifactFile) => void,
  signal: AbortSignal,
): Promise<Installed> => register(db, store, await takeIn(store, path, progress, signal), installation, signal)

/** Registers a model that stays with its host. */
export const addHostedModel = (
  db: Database,
  hosted: { provider: string; model: string },
  installation: Installation,
): Promise<Installed> => {
  const { given, card } = installation
  const facts: ModelFacts = { ...noFacts, ...given, hosted }
  return registerModel(db, { ...installation, description: { kind: 'hosted', format: 'hosted', manifest: [], facts, card } })
}

export type PullPlan = { repo: string; commit: string; files: HubFile[]; totalBytes: number }

/** Asks the hub what `hf:owner/name:quantisation` is now, without fetching it. Throws `not_found` that lists what there is. */
export const planPull = async (hub: HubOptions, source: string, wanted: readonly string[], signal: AbortSignal): Promise<PullPlan> => {
  const { repo, quantisation, revision } = parseHubReference(source)
  const commit = await hubCommit(hub, repo, revision, signal)
  const files = chooseFiles(await hubFiles(hub, repo, commit, signal), quantisation, wanted)
  return { repo, commit, files, totalBytes: files.reduce((sum, file) => sum + file.size, 0) }
}

/** Fetches the files of a plan, resuming what is there, and registers them. */
export const pullModel = async (
  db: Database,
  { store, downloads }: Artifacts,
  hub: HubOptions,
  { repo, commit, files }: PullPlan,
  installation: Installation,
  progress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<Installed> => {
  const fetched: ArtifactFile[] = []
  for (const file of files) {
    const artifact = await downloadFile(file, { hub, repo, commit, store: downloads, progress, signal, retryMs: 500 })
    if (store !== downloads) await store.put(await downloads.open(artifact, signal), artifact, signal)
    fetched.push(artifact)
  }
  const given = { source: `hf:${repo}`, ...installation.given, revision: commit }
  return register(db, store, makeManifest(fetched), { ...installation, given }, signal)
}

const register = async (
  db: Database,
  store: ArtifactStore,
  manifest: ArtifactFile[],
  { name, kind, given, card, actor, reason, nowMs }: Installation,
  signal: AbortSignal,
): Promise<Installed> => {
  if (kind === 'hosted') throw new AppError('invalid_request', 'a hosted model has no files of its own', { param: 'kind' })
  const found = await describeFiles(store, manifest, signal)
  const description = { kind, format: found.format, manifest, facts: { ...found.facts, ...given }, card: card ?? found.card }
  return registerModel(db, { name, description, actor, reason, nowMs })
}
