import { z } from 'zod'
import type { PageRequest } from '../retrieval/store/collections.ts'

/** Fields of a query string that pages through a list, as OpenAI names them. */
export const pageQuery = (defaultLimit: number, maxLimit: number) => ({
  limit: z.coerce.number().int().min(1).max(maxLimit).default(defaultLimit),
  order: z.enum(['asc', 'desc']).default('desc'),
  after: z.string().optional(),
  before: z.string().optional(),
})

/** A page of OpenAI's lists. `items` holds one more than asked for when there are more. */
export const listJson = <Item, Json extends { id: string }>(items: Item[], { limit }: PageRequest, toJson: (item: Item) => Json) => {
  const data = items.slice(0, limit).map(toJson)
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: items.length > limit }
}
