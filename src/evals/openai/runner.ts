import type { Database } from '../../db/database.ts'
import { toAppError } from '../../lib/errors.ts'
import { pause } from '../../lib/pause.ts'
import { gradeRow, type RowDeps } from './grade-row.ts'
import { donePositions, findEval, finishRun, holdRun, insertOutputItem, type OpenAiRun, takeRun } from './store.ts'
import type { Row } from './wire.ts'

export type RunnerOptions = RowDeps & {
  db: Database
  /** The rows of a run, from its body or its file. */
  rowsOf: (run: OpenAiRun) => Promise<Row[]>
  onError: (error: unknown) => void
  /** Between two looks for runs that nobody works on. */
  tickMs: number
}

export type Runner = {
  start(): void
  /** There is a new run. */
  kick(): void
  close(): Promise<void>
}

/**
 * Works on runs behind the requests. One replica holds a run at a time and renews its hold; when it dies another goes on with the rows that
 * were not graded. A run that was cancelled or deleted is left at the next renewal.
 */
export const createRunner = (options: RunnerOptions): Runner => {
  const { db, clock, rowsOf, onError, tickMs } = options
  const stopped = new AbortController()
  const working = new Set<Promise<void>>()
  let running: Promise<void> | undefined
  let looking: Promise<void> | undefined
  let again = false

  const work = async (run: OpenAiRun): Promise<void> => {
    const left = new AbortController()
    const signal = AbortSignal.any([stopped.signal, left.signal])
    const renewing = setInterval(() => {
      holdRun(db, run.id, clock() + holdMs).then(
        (held) => held || left.abort(),
        () => {}, // the database is away: the hold may run out, and then another goes on
      )
    }, renewMs)
    try {
      const { testingCriteria } = await findEval(db, run.tenant, run.evalId)
      const rows = await rowsOf(run)
      const done = await donePositions(db, run.id)
      const open = rows.flatMap((row, position) => (done.has(position) ? [] : [{ row, position }]))
      const one = async (): Promise<void> => {
        for (let next = open.shift(); next !== undefined && !signal.aborted; next = open.shift())
          await insertOutputItem(db, await gradeRow(options, run, testingCriteria, next, signal))
      }
      await Promise.all(Array.from({ length: Math.min(rowsAtOnce, open.length) }, one))
      if (!signal.aborted) await finishRun(db, run.id, 'completed', null)
    } catch (error) {
      // Deleted meanwhile, what it found has no place any more.
      if (signal.aborted || !(await holdRun(db, run.id, clock() + holdMs).catch(() => true))) return
      const { code, message } = toAppError(error)
      await finishRun(db, run.id, 'failed', { code, message })
      onError(error)
    } finally {
      clearInterval(renewing)
      if (stopped.signal.aborted) await holdRun(db, run.id, clock() - 1).catch(() => {})
    }
  }

  const look = async (): Promise<void> => {
    while (!stopped.signal.aborted && working.size < runsAtOnce) {
      const run = await takeRun(db, clock(), holdMs)
      if (run === undefined) return
      const task = work(run)
        .catch(onError)
        .finally(() => {
          working.delete(task)
          kick()
        })
      working.add(task)
    }
  }

  /** One look at a time; what is asked for meanwhile is one more. */
  const kick = (): void => {
    if (running === undefined || stopped.signal.aborted) return
    again = true
    looking ??= (async () => {
      while (again) {
        again = false
        await look().catch(onError)
      }
    })().finally(() => {
      looking = undefined
    })
  }

  const watch = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      kick()
      await pause(tickMs, stopped.signal).catch(() => {})
    }
  }

  return {
    start: () => {
      running ??= Promise.resolve().then(watch)
    },
    kick,
    close: async () => {
      stopped.abort()
      await running
      await looking
      await Promise.all(working)
    },
  }
}

const runsAtOnce = 8
const rowsAtOnce = 4
const holdMs = 30_000
const renewMs = 2_000
