import { parse } from 'yaml'
import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import type { Price } from './cost-of.ts'

/** What hosts ask for their models, now and before. See `data/prices.yaml`. */
export type PriceTable = {
  /** The price at a moment, in milliseconds since the epoch; undefined when it is not known. `host` is a name such as `api.openai.com`. */
  priceAt(host: string, model: string, atMs: number): Price | undefined
}

/** Throws `invalid_request` that names the file and the first entry at fault. */
export const parsePriceTable = (text: string, file: string): PriceTable => {
  const parsed = schema.safeParse(parse(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new AppError('invalid_request', `${file}: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const hosts = parsed.data
  return {
    priceAt: (host, model, atMs) => {
      const models = Object.hasOwn(hosts, host) ? hosts[host] : undefined
      if (models === undefined) return undefined
      const name = [model, withoutDate(model)].find((candidate) => Object.hasOwn(models, candidate))
      const known = name === undefined ? undefined : models[name]?.findLast(({ fromMs }) => fromMs <= atMs)
      return known?.price
    },
  }
}

/** Hosts name snapshots by their date, `gpt-4o-2024-08-06` or `claude-haiku-4-5-20251001`: they cost what the model does. */
const withoutDate = (model: string): string => model.replace(/-(\d{4}-\d{2}-\d{2}|\d{8})$/, '')

const usd = z.number().nonnegative()

/** By tokens, or by the second at work. */
const entry = z
  .strictObject({
    from: z.iso.date(),
    input_per_million_usd: usd.optional(),
    output_per_million_usd: usd.optional(),
    cached_input_per_million_usd: usd.optional(),
    image_usd: usd.optional(),
    second_usd: usd.optional(),
  })
  .transform(({ from, ...row }, context) => {
    const price = priceOf(row)
    if (price !== undefined) return { fromMs: Date.parse(from), price }
    context.addIssue({ code: 'custom', message: 'needs input_per_million_usd and output_per_million_usd, or second_usd alone' })
    return z.NEVER
  })

type Row = {
  [Name in `${'input_per_million' | 'output_per_million' | 'cached_input_per_million' | 'image' | 'second'}_usd`]?: number | undefined
}

const priceOf = (row: Row): Price | undefined => {
  const { second_usd, input_per_million_usd, output_per_million_usd, cached_input_per_million_usd, image_usd } = row
  if (second_usd !== undefined) return Object.keys(row).length === 1 ? { secondUsd: second_usd } : undefined
  if (input_per_million_usd === undefined || output_per_million_usd === undefined) return undefined
  return {
    inputPerMillionUsd: input_per_million_usd,
    outputPerMillionUsd: output_per_million_usd,
    cachedInputPerMillionUsd: cached_input_per_million_usd,
    imageUsd: image_usd,
  }
}

const history = z
  .array(entry)
  .min(1)
  .transform((entries) => entries.toSorted((left, right) => left.fromMs - right.fromMs))

const schema = z.record(z.string(), z.record(z.string(), history))
