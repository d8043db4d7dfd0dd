import { LRUCache } from 'lru-cache'
import type { Database, Listen } from '../db/database.ts'
import { createFollower } from '../db/follow.ts'
import { promptLabels } from '../db/schema/prompts.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { openPrompt, type Prompt, type RenderedPrompt, type RenderRequest } from './prompt.ts'
import { currentRevision, promptChannel } from './revision.ts'
import { loadSources } from './versions.ts'

/** How traffic names a prompt: by label (`production` when neither is given) or by version. */
export type PromptReference = { name: string; label?: string | undefined; version?: number | undefined }

export type ServedPrompt = { name: string; version: number; label: string | undefined; prompt: Prompt }

/** The labelled prompts of a server, in memory. Asking it costs no I/O; what it holds is at most one poll old. */
export type PromptTable = AsyncDisposable & {
  /** Loads the table, listens and polls. Throws when the database cannot be read. */
  start(): Promise<void>
  /** A version by label or number; undefined for a version that no label holds and that was not resolved before. Throws `not_found`. */
  get(reference: PromptReference): ServedPrompt | undefined
  /** As `get`, and reads other versions from the database. */
  resolve(reference: PromptReference): Promise<ServedPrompt>
  /** `resolve` and render. Throws `invalid_request` naming the variable at fault. */
  render(reference: PromptReference, request: RenderRequest): Promise<RenderedPrompt & { version: number }>
  /** Looks for changes now. */
  refresh(): Promise<void>
  /** When the table last agreed with the database, in milliseconds since the epoch; undefined before it first did. */
  readonly freshAtMs: number | undefined
  close(): Promise<void>
}

export type PromptTableOptions = {
  db: Database
  listen: Listen
  clock: Clock
  /** How stale the table may get when notifications are lost. */
  pollMs: number
  /** Called after labels or versions changed, not after every look. */
  onChange?: (() => void) | undefined
  /** Hears of failed refreshes; the table goes on with what it has. */
  onError: (error: unknown) => void
}

export const createPromptTable = ({ db, listen, clock, pollMs, onChange, onError }: PromptTableOptions): PromptTable => {
  let labels: Labels = new Map()
  let loaded = new Map<string, Prompt>()
  let revision: number | undefined
  let freshAtMs: number | undefined
  /** Versions that traffic named by number; immutable, so they never go stale. */
  const pinned = new LRUCache<string, Prompt>({ max: 1000 })

  const reload = async (): Promise<void> => {
    const found = await currentRevision(db)
    if (found !== revision) {
      const next = labelsOf(await db.select().from(promptLabels))
      loaded = await withLabelled(db, next, loaded)
      labels = next
      revision = found
      onChange?.()
    }
    freshAtMs = clock()
  }
  const follower = createFollower({ listen, channel: promptChannel, pollMs, reload, onError })

  const get = (reference: PromptReference): ServedPrompt | undefined => {
    const { name } = reference
    const { version, label } =
      reference.version === undefined ? labelled(labels, reference) : { version: reference.version, label: undefined }
    const prompt = loaded.get(keyOf(name, version)) ?? pinned.get(keyOf(name, version))
    return prompt && { name, version, label, prompt }
  }
  const resolve = async (reference: PromptReference): Promise<ServedPrompt> => {
    const held = get(reference)
    if (held) return held
    const { name, version = 0 } = reference
    const [source] = await loadSources(db, [{ name, version }])
    if (source === undefined)
      throw new AppError('not_found', `there is no version ${version} of prompt "${name}"`, { param: 'weir.prompt.version' })
    const prompt = lazyPrompt(source)
    pinned.set(keyOf(name, version), prompt)
    return { name, version, label: undefined, prompt }
  }
  return {
    start: follower.start,
    get,
    resolve,
    async render(reference, request) {
      const { prompt, version } = await resolve(reference)
      return { ...prompt.render(request), version }
    },
    refresh: follower.refresh,
    get freshAtMs() {
      return freshAtMs
    },
    close: follower.close,
    [Symbol.asyncDispose]: follower.close,
  }
}

/** Prompt → label → version. */
type Labels = Map<string, Map<string, number>>

const labelsOf = (rows: { promptName: string; label: string; version: number }[]): Labels => {
  const labels: Labels = new Map()
  for (const { promptName, label, version } of rows) {
    const own = labels.get(promptName) ?? new Map<string, number>()
    labels.set(promptName, own.set(label, version))
  }
  return labels
}

const keyOf = (name: string, version: number): string => `${name}@${version}`

/** The versions that labels hold, taking over what is in memory already. */
const withLabelled = async (db: Database, labels: Labels, held: Map<string, Prompt>): Promise<Map<string, Prompt>> => {
  const next = new Map<string, Prompt>()
  const missing: { name: string; version: number }[] = []
  for (const [name, versions] of labels) {
    for (const version of new Set(versions.values())) {
      const prompt = held.get(keyOf(name, version))
      if (prompt) next.set(keyOf(name, version), prompt)
      else missing.push({ name, version })
    }
  }
  for (const source of await loadSources(db, missing)) next.set(keyOf(source.name, source.version), lazyPrompt(source))
  return next
}

const labelled = (labels: Labels, { name, label = 'production' }: PromptReference): { version: number; label: string } => {
  if (label === 'latest')
    throw new AppError('invalid_request', '"latest" does not serve: name a label or a version', { param: 'weir.prompt.label' })
  const own = labels.get(name)
  const version = own?.get(label)
  if (version !== undefined) return { version, label }
  if (own === undefined) throw new AppError('not_found', `no prompt "${name}" carries a label`, { param: 'weir.prompt.name' })
  const known = [...own.keys()].join(', ')
  throw new AppError('not_found', `prompt "${name}" has no label "${label}"; it has ${known}`, { param: 'weir.prompt.label' })
}

/** Reading 2,000 prompts takes a second or more; each is read when it is first used, and one that cannot be read fails alone. */
const lazyPrompt = (source: Parameters<typeof openPrompt>[0]): Prompt => {
  let opened: Prompt | undefined
  const open = () => {
    opened ??= openPrompt(source)
    return opened
  }
  return {
    name: source.name,
    get closureHash() {
      return open().closureHash
    },
    get file() {
      return open().file
    },
    get pins() {
      return open().pins
    },
    get settings() {
      return open().settings
    },
    render: (request) => open().render(request),
  }
}
