import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cost } from '../answer/open-trace.ts'
import type { ModelConfig, WeirConfig } from '../config/schema.ts'
import { costOf, type Price } from '../cost/cost-of.ts'
import { type PriceTable, parsePriceTable } from '../cost/price-table.ts'

const priceFile = join(import.meta.dirname, '../../data/prices.yaml')

/** The prices that come with Weir. */
export const readPriceTable = (): PriceTable => parsePriceTable(readFileSync(priceFile, 'utf8'), priceFile)

/** The price of a configured model at a moment: its own in the configuration, else its host's. Undefined when neither is known. */
export type PriceOf = (model: string, upstreamModel: string | null, atMs: number) => Price | undefined

export const createPriceOf = (config: WeirConfig, table: PriceTable): PriceOf => {
  const own = new Map(Object.entries(config.models).flatMap(([id, model]) => ownPrice(id, model)))
  const hosted = new Map(Object.entries(config.models).flatMap(([id, model]) => hostOf(id, model, config)))
  return (id, upstreamModel, atMs) => {
    const price = own.get(id)
    if (price !== undefined) return price
    const at = hosted.get(id)
    if (at === undefined) return undefined
    const echoed = upstreamModel === null ? undefined : table.priceAt(at.host, upstreamModel, atMs)
    return echoed ?? table.priceAt(at.host, at.model, atMs)
  }
}

/** What a request to a model cost; null when its price is unknown. */
export const createCost =
  (priceOf: () => PriceOf): Cost =>
  ({ model, upstreamModel, usage, images, upstreamMs, atMs }) => {
    const price = priceOf()(model, upstreamModel, atMs)
    return price === undefined ? null : costOf(price, { usage, images, upstreamMs })
  }

const ownPrice = (id: string, model: ModelConfig): [string, Price][] => {
  if (!('price' in model) || model.price === undefined) return []
  const { price } = model
  if ('second_usd' in price) return [[id, { secondUsd: price.second_usd }]]
  return [
    [
      id,
      {
        inputPerMillionUsd: price.input_per_million_usd,
        outputPerMillionUsd: price.output_per_million_usd,
        cachedInputPerMillionUsd: price.cached_input_per_million_usd,
        imageUsd: price.image_usd,
      },
    ],
  ]
}

const hostOf = (id: string, model: ModelConfig, config: WeirConfig): [string, { host: string; model: string }][] => {
  if (!('provider' in model)) return []
  const provider = config.providers[model.provider]
  return provider === undefined ? [] : [[id, { host: new URL(provider.base_url).hostname, model: model.model }]]
}
