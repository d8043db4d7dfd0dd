import type { Database } from '../db/database.ts'
import { diffSettings, diffSources, type SettingChange } from './diff.ts'
import type { Change, SyncPlan } from './plan.ts'
import { openPrompt } from './prompt.ts'
import { loadSources } from './versions.ts'

/** One line of a plan as people read it; updates come with what changes. `to` is null when a file is gone. */
export type ReportedChange = {
  kind: Change['kind']
  name: string
  from: number | null
  to: number | null
  closureHash: string | null
  /** Paths that a new version is made of: the prompt's and its partials'. */
  files: string[]
  patch: string
  settings: SettingChange[]
}

/** Adds the diffs to a plan. Reads the heads of updated prompts in one query. */
export const reportPlan = async (db: Database, plan: SyncPlan): Promise<ReportedChange[]> => {
  const updates = plan.changes.filter((change) => change.kind === 'update')
  const heads = await loadSources(
    db,
    updates.map(({ name, from }) => ({ name, version: from ?? 0 })),
  )
  const headOf = new Map(heads.map((head) => [head.name, head]))
  return plan.changes.map((change) => {
    const to = 'to' in change ? change.to : null
    const common = { kind: change.kind, name: change.name, from: change.from, to, closureHash: null, files: [], patch: '', settings: [] }
    if (!('prompt' in change)) return common
    const { prompt, text, path } = change
    const made = { ...common, closureHash: prompt.closureHash, files: [path, ...[...prompt.pins.values()].map((pin) => pin.path)] }
    const head = headOf.get(change.name)
    if (head === undefined) return made
    const partials = Object.fromEntries([...prompt.pins].map(([name, pin]) => [name, pin.text]))
    return {
      ...made,
      patch: diffSources(head, { path, version: change.to, text, partials }),
      settings: diffSettings(openPrompt(head), prompt),
    }
  })
}
