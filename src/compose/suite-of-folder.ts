import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Database } from '../db/database.ts'
import type { Evaluations } from '../evals/evaluations.ts'
import { readStoredCases } from '../evals/stored-cases.ts'
import { readSuite } from '../evals/suite-file.ts'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'

type Parts = { db: Database; clock: Clock; evaluations: Evaluations; onError: (error: unknown, suite: string) => void }

/** Starts a suite of this server's own `evals/` folder on a variant; resolves to the run's id once it is under way. */
export const startSuite = async (
  { db, clock, evaluations, onError }: Parts,
  name: string,
  variant: string,
  actor: string,
): Promise<string> => {
  const { path, text } = await readSuiteFile(name)
  const suite = await readSuite(text, basename(path), process.env, {
    readFile: (file) => readFile(resolve(dirname(path), file), 'utf8'),
    readStored: (source) => readStoredCases(db, source, clock()),
  })
  return new Promise((started, failed) => {
    evaluations
      .run({
        ...{ suite, actor, variant, useCache: false, onStart: ({ id }: { id: string }) => started(id), onResult: () => {} },
        signal: new AbortController().signal,
      })
      .catch((error) => {
        failed(error)
        onError(error, name)
      })
  })
}

/** A suite's file in a folder of the server. Throws `not_found`. */
export const readSuiteFile = async (name: string, folder = 'evals'): Promise<{ path: string; text: string }> => {
  // A name comes from a prompt or a setting, and is no path.
  for (const ending of /^[\w.-]+$/.test(name) ? ['yaml', 'yml'] : []) {
    const path = join(folder, `${name}.${ending}`)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return { path, text }
  }
  throw new AppError('not_found', `there is no suite ${folder}/${name}.yaml`)
}
