/** What a pool keeps: something with users, and an end. */
export type Pooled = { dispose(): Promise<void> }
export type Spec = { id: string; idleUnloadMs: number }

type Entry<Loaded> = {
  spec: Spec
  loading: Promise<Loaded>
  loaded: Loaded | undefined
  users: number
  timer: ReturnType<typeof setTimeout> | undefined
}

/** Loads models when first used and unloads them when idle; never one that is in use. A model whose configuration changed is another model. */
export const createModelPool = <Loaded extends Pooled, S extends Spec>(load: (spec: S) => Promise<Loaded>) => {
  const entries = new Map<string, Entry<Loaded>>()

  const unload = async (key: string, entry: Entry<Loaded>) => {
    clearTimeout(entry.timer)
    if (entries.get(key) === entry) entries.delete(key)
    await (await entry.loading.catch(() => undefined))?.dispose()
  }
  const open = (key: string, spec: S): Entry<Loaded> => {
    const entry: Entry<Loaded> = { spec, loading: load(spec), loaded: undefined, users: 0, timer: undefined }
    entries.set(key, entry)
    entry.loading.then(
      (loaded) => {
        entry.loaded = loaded
      },
      () => entries.delete(key),
    )
    return entry
  }
  const release = (key: string, entry: Entry<Loaded>) => {
    entry.users -= 1
    if (entry.users > 0) return
    const replaced = [...entries].some(([other, { spec }]) => other !== key && spec.id === entry.spec.id)
    if (replaced) void unload(key, entry)
    else if (entry.spec.idleUnloadMs > 0) entry.timer = setTimeout(() => void unload(key, entry), entry.spec.idleUnloadMs)
  }

  return {
    /** Runs `work` with the model, which stays loaded meanwhile. */
    async use<Result>(spec: S, work: (loaded: Loaded) => Promise<Result>): Promise<Result> {
      const key = JSON.stringify(spec)
      for (const [other, entry] of entries) if (other !== key && entry.spec.id === spec.id && entry.users === 0) void unload(other, entry)
      const entry = entries.get(key) ?? open(key, spec)
      entry.users += 1
      clearTimeout(entry.timer)
      try {
        return await work(await entry.loading)
      } finally {
        release(key, entry)
      }
    },
    list: () => [...entries.values()].map(({ spec, loaded, users }) => ({ spec: spec as S, loaded, users })),
    async close(): Promise<void> {
      await Promise.all([...entries].map(([key, entry]) => unload(key, entry)))
    },
  }
}
