import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { desc, eq } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { promptVersions } from '../db/schema/prompts.ts'
import { readStoredCases } from '../evals/stored-cases.ts'
import type { Case } from '../evals/suite.ts'
import { readSuite } from '../evals/suite-file.ts'
import type { Clock } from '../lib/clock.ts'
import type { RenderCase } from '../prompts/diff.ts'
import { openPrompt } from '../prompts/prompt.ts'
import { loadVersion } from '../prompts/versions.ts'
import { suiteNamed } from './evals.ts'
import { readSuiteFile } from './suite-of-folder.ts'

/**
 * The cases of the suite that the newest version of a prompt names, to render it with. None when it names no suite, or the server has no file
 * of it; throws what is wrong with one that cannot be read.
 */
export const suiteCases =
  (db: Database, clock: Clock, folder = 'evals') =>
  async (promptName: string): Promise<RenderCase[]> => {
    const [newest] = await db
      .select({ version: promptVersions.version, frontMatter: promptVersions.frontMatter })
      .from(promptVersions)
      .where(eq(promptVersions.promptName, promptName))
      .orderBy(desc(promptVersions.version))
      .limit(1)
    const name = newest && suiteNamed(newest.frontMatter)
    const file = name === undefined ? undefined : await readSuiteFile(name, folder).catch(() => undefined)
    if (newest === undefined || file === undefined) return []
    const suite = await readSuite(file.text, file.path, withoutSecrets(file.text), {
      readFile: (path) => readFile(join(folder, path), 'utf8'),
      readStored: (source) => readStoredCases(db, source, clock()),
    })
    const { schema } = openPrompt(await loadVersion(db, promptName, newest.version)).settings.input
    const inputs = Object.keys((schema?.properties as object | undefined) ?? {})
    return suite.cases.slice(0, mostCases).map((one) => toRenderCase(one, inputs))
  }

/** A diff is for people. */
const mostCases = 100

/** Whatever a suite reads from the environment is for asking, which nobody does here. */
const withoutSecrets = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, variable = '']) => [variable, '']))

/** As a route hands a case to its prompt: with retrieval, the last message is its `question`, and what was found its `passages`. */
const toRenderCase = ({ id, turns, variables }: Case, inputs: readonly string[]): RenderCase => {
  const last = turns.at(-1)
  const asks = inputs.includes('question') && last?.role === 'user'
  const found: Record<string, unknown> = { passages: '<passages>', ...(asks ? { question: last.content } : {}) }
  const given = { ...found, ...variables }
  return {
    name: id,
    variables: Object.fromEntries(Object.entries(given).filter(([name]) => inputs.includes(name))),
    history: asks ? turns.slice(0, -1) : turns,
  }
}
