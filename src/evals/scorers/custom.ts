import { z } from 'zod'
import { needsText, type Score, type Scorer, undetermined } from '../scorer.ts'

const answer = z.union([
  z.boolean(),
  z.number(),
  z.object({ score: z.number().nullable(), pass: z.boolean().nullable().optional(), reason: z.string().optional() }),
])

/**
 * A function of the suite's own: the default export of the JavaScript or TypeScript file `value`, called with the output and
 * `{input, variables, expected}`. It gives true or false, a score, or `{score, pass, reason}`.
 */
export const javascript: Scorer = {
  type: 'javascript',
  config: z.strictObject({}),
  refuse: (assertion) =>
    needsText(assertion) ?? (/\.[mc]?[jt]s$/.test(String(assertion.value)) ? undefined : 'javascript needs a .js or .ts file as its value'),
  score: async (output, { value, threshold }, { load, input, variables, expected }) => {
    if (load === undefined) return undetermined('files of scorers are read from the folder of suites on the server')
    const scorer = await load(String(value))
    if (typeof scorer !== 'function') throw new Error(`${String(value)} has no function as its default export`)
    const said = answer.parse(await scorer(output, { input, variables, expected }))
    if (typeof said === 'boolean') return { score: said ? 1 : 0, pass: said, reason: String(value) }
    const {
      score,
      pass,
      reason = String(value),
    }: Partial<Score> & { score: number | null } = typeof said === 'number'
      ? { score: said }
      : ({ ...said, pass: said.pass ?? undefined, reason: said.reason } as never)
    return { score, pass: pass ?? (score === null ? null : score >= (threshold ?? 0.5)), reason }
  },
}
