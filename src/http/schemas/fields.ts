import { z } from 'zod'
import { isShallow } from '../../lib/shallow.ts'

/** A model or route, as clients name it. */
export const modelName = z.string().min(1).max(256)

/**
 * What people tell things apart by, in NFKC: without characters that nobody sees or that turn the direction of writing (UTS #39), and without
 * words that mix letters of scripts which look alike.
 */
export const displayName = z
  .string()
  .transform((text) => text.normalize('NFKC').trim())
  .pipe(
    z
      .string()
      .min(1)
      .max(200)
      .refine((text) => !/[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u.test(text), 'must have no invisible or control characters')
      .refine((text) => !text.split(/[^\p{L}\p{M}]+/u).some(mixesScripts), 'must not mix look-alike letters of several scripts in a word'),
  )

const mixesScripts = (word: string): boolean =>
  [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u].filter((script) =>
    script.test(word),
  ).length > 1

/** OpenAI's bounds; null means absent, as its SDKs send it. Past 2^31 no model generates: a number that large is a mistake. */
export const tokenCount = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .nullish()
export const choiceCount = z.int().min(1).max(128).nullish()
export const temperature = z.number().min(0).max(2).nullish()
export const topP = z.number().min(0).max(1).nullish()
export const penalty = z.number().min(-2).max(2).nullish()
export const seed = z.int().nullish()
export const flag = z.boolean().nullish()

const stopSequence = z.string().min(1).max(1024)
export const stop = z.union([stopSequence, z.array(stopSequence).max(16)], 'must be a string or an array of strings').nullish()

/** Token id → bias. */
export const logitBias = z
  .record(z.string().regex(/^\d{1,9}$/, 'keys must be token ids'), z.number().min(-100).max(100))
  .refine((biases) => Object.keys(biases).length <= 1024, 'at most 1024 tokens can be biased')
  .nullish()

/** OpenAI's bounds: 16 pairs, keys of 64 and values of 512 characters. */
export const metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
  .nullish()

export const streamOptions = z
  .strictObject({
    include_usage: flag,
    // Padding against traffic analysis, which we do not add; asking for none is fine.
    include_obfuscation: z.literal(false).nullish(),
  })
  .nullish()

/**
 * Parameters that change nothing about the answer and are accepted: who the end user is (also the subject of sticky assignment), cache
 * and tier hints, and whether OpenAI may store the answer, which here is the operator's setting.
 */
export const harmless = {
  user: z.string().max(512).nullish(),
  safety_identifier: z.string().max(512).nullish(),
  prompt_cache_key: z.string().max(512).nullish(),
  prompt_cache_retention: z.string().max(64).nullish(),
  service_tier: z.enum(['auto', 'default']).nullish(),
  store: flag,
}

/** JSON Schema, kept as it came; `parse` of deeper nesting than any real schema has is refused before anything recurses into it. */
export const jsonSchema = z.custom<Record<string, unknown>>(
  (value) => value !== null && typeof value === 'object' && !Array.isArray(value) && isShallow(value, 64),
  'must be a JSON Schema object nested at most 64 deep',
)
