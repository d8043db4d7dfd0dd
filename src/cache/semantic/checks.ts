import { sql } from 'drizzle-orm'
import type { Database } from '../../db/database.ts'
import { semanticChecks } from '../../db/schema/cache.ts'
import type { Clock } from '../../lib/clock.ts'

/** What became of a variant's semantic hits. */
export type Tally = {
  hits: number
  /** Hits whose question was asked of the model all the same, and those of them that it answered otherwise. */
  checked: number
  wrong: number
}

/** Where answers are kept, and how many false hits are borne. */
export type Watched = {
  variantHash: string
  route: string
  variant: string
  /** Share of checked hits that may be wrong. */
  maxWrong: number
  /** Checks after which the share counts as it is; before that, as if the missing ones would be right. */
  minChecks: number
}

export type Checks = {
  /** `off` once too many hits of a variant were wrong, on every replica; `unknown` until the database has told whether that is so. */
  state(watched: Watched): 'on' | 'off' | 'unknown'
  note(watched: Watched, what: keyof Tally): void
  /** Of all replicas, as far as they have told. */
  list(): Promise<SemanticCheck[]>
  /** Of this replica. */
  totals(): Tally & { disabled: number }
  /** Begins anew, switched on. */
  forget(variantHash: string): Promise<void>
  close(): Promise<void>
}

export type SemanticCheck = typeof semanticChecks.$inferSelect

export type ChecksOptions = {
  db: Database
  clock: Clock
  /** Milliseconds between two tellings. */
  everyMs?: number | undefined
  onDisabled?: ((check: SemanticCheck) => void) | undefined
  onError?: ((error: unknown) => void) | undefined
}

/** Counts in memory and tells the database, where all replicas' counts come together and a variant is switched off for all of them. */
export const createChecks = ({ db, clock, everyMs = 5_000, onDisabled, onError = () => {} }: ChecksOptions): Checks => {
  const known = new Map<string, { watched: Watched; since: Tally; own: Tally; state: 'on' | 'off' | 'unknown' }>()
  let telling: Promise<void> = Promise.resolve()

  const entryOf = (watched: Watched) => {
    let entry = known.get(watched.variantHash)
    if (entry === undefined) {
      entry = { watched, since: blank(), own: blank(), state: 'unknown' }
      known.set(watched.variantHash, entry)
      // Another replica, or an earlier run, may have switched it off.
      void tell()
    }
    entry.watched = watched
    return entry
  }

  const tellAll = async (): Promise<void> => {
    for (const entry of known.values()) {
      const since = entry.since
      entry.since = blank()
      try {
        const after = await addTally(db, entry.watched, since, clock())
        const state = after.disabledAtMs === null ? 'on' : 'off'
        const isNews = state === 'off' && entry.state !== 'off'
        entry.state = state
        if (isNews) onDisabled?.(after)
      } catch (error) {
        for (const name of names) entry.since[name] += since[name]
        throw error
      }
    }
  }
  const tell = (): Promise<void> => {
    telling = telling.then(tellAll).catch(onError)
    return telling
  }
  const timer = setInterval(() => void tell(), everyMs)
  timer.unref()

  return {
    state: (watched) => entryOf(watched).state,
    note: (watched, what) => {
      const entry = entryOf(watched)
      entry.since[what] += 1
      entry.own[what] += 1
      if (what === 'wrong') void tell()
    },
    list: async () => {
      await tell()
      return db.select().from(semanticChecks).orderBy(semanticChecks.route, semanticChecks.variant)
    },
    totals: () => {
      const totals = { ...blank(), disabled: 0 }
      for (const { own, state } of known.values()) {
        for (const name of names) totals[name] += own[name]
        if (state === 'off') totals.disabled += 1
      }
      return totals
    },
    forget: async (variantHash) => {
      await telling
      known.delete(variantHash)
      await db.delete(semanticChecks).where(sql`${semanticChecks.variantHash} = ${variantHash}`)
    },
    close: async () => {
      clearInterval(timer)
      await tell()
    },
  }
}

const names = ['hits', 'checked', 'wrong'] as const

const blank = (): Tally => ({ hits: 0, checked: 0, wrong: 0 })

/** Adds counts, and switches the variant off when they say so; it stays off. Returns what it is then. */
const addTally = async (db: Database, watched: Watched, { hits, checked, wrong }: Tally, nowMs: number): Promise<SemanticCheck> => {
  const { variantHash, route, variant, maxWrong, minChecks } = watched
  const now = new Date(nowMs).toISOString()
  const [after] = await db
    .insert(semanticChecks)
    .values({
      variantHash,
      route,
      variant,
      hits,
      checked,
      wrong,
      disabledAtMs: wrong > maxWrong * Math.max(checked, minChecks) ? nowMs : null,
    })
    .onConflictDoUpdate({
      target: semanticChecks.variantHash,
      set: {
        route,
        variant,
        hits: sql`semantic_checks.hits + ${hits}::bigint`,
        checked: sql`semantic_checks.checked + ${checked}::bigint`,
        wrong: sql`semantic_checks.wrong + ${wrong}::bigint`,
        disabledAtMs: sql`coalesce(semantic_checks.disabled_at, case when semantic_checks.wrong + ${wrong}::bigint
          > ${maxWrong}::float8 * greatest(semantic_checks.checked + ${checked}::bigint, ${minChecks}::bigint) then ${now}::timestamptz end)`,
      },
    })
    .returning()
  return after as SemanticCheck
}
