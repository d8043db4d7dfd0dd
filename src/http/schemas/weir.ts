import { z } from 'zod'
import type { AnswerRequest } from '../../answer/request.ts'

const name = z.string().min(1).max(256)

/** Our own extras of a request, under the key `weir`. */
export const weirExtras = z
  .strictObject({
    /** Pins a variant of the route, for debugging. */
    variant: name.nullish(),
    /** Who the traffic belongs to where no user is named, as the header `x-weir-session`. */
    session: name.nullish(),
    /** Renders a prompt in place of the route's own; without a name, gives variables to the route's prompt. */
    prompt: z
      .strictObject({
        name: name.optional(),
        label: name.optional(),
        version: name.optional(),
        variables: z.record(z.string().min(1).max(64), z.unknown()).optional(),
      })
      .refine((prompt) => prompt.name !== undefined || (prompt.label === undefined && prompt.version === undefined), {
        message: 'a label or version needs the name of a prompt',
        path: ['name'],
      })
      .refine((prompt) => prompt.label === undefined || prompt.version === undefined, {
        message: 'give a label or a version, not both',
        path: ['version'],
      })
      .nullish(),
    cache: z
      .strictObject({
        mode: z.enum(['on', 'off', 'read_only', 'write_only']).default('on'),
        max_age_s: z.int().min(0).max(31_536_000).optional(),
        namespace: name.optional(),
        semantic: z.literal(false).optional(),
      })
      .nullish(),
  })
  .nullish()

export type WeirExtras = z.output<typeof weirExtras>

/** The prompt a request names, if any, and the variables it brings. */
export const toPromptChoice = (weir: WeirExtras): Pick<AnswerRequest, 'prompt' | 'variables'> => {
  const { name, label, version, variables } = weir?.prompt ?? {}
  return { prompt: name === undefined ? null : { name, label, version }, variables: variables ?? null }
}
