import { expect, test } from 'vitest'
import { createCost, createPriceOf } from '../../src/compose/prices.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { parsePriceTable } from '../../src/cost/price-table.ts'
import { startGateway } from '../http/gateway.ts'
import { echo } from '../http/models.ts'

test('each image of a request is counted where its host prices images', async () => {
  const config = parseConfig(
    `
providers: { host: { kind: openai-compatible, base_url: https://models.example/v1, api_key: k } }
models: { echo: { kind: llm, provider: host, model: eye, price: { input_per_million_usd: 0, image_usd: 0.01 } } }
`,
    'weir.yaml',
    {},
  )
  const priceOf = createPriceOf(config, parsePriceTable('{}', 'prices.yaml'))
  await using gateway = startGateway({ models: [echo()], cost: createCost(() => priceOf) })
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }
  const costOf = async (images: number) => {
    const content = [{ type: 'text', text: 'what is this?' }, ...Array(images).fill(image)]
    const response = await gateway.post('/v1/chat/completions', { model: 'echo', messages: [{ role: 'user', content }] })
    return [response.status, response.headers.get('x-weir-cost')]
  }
  expect([await costOf(0), await costOf(3)]).toEqual([
    [200, '0.000000000'],
    [200, '0.030000000'],
  ])
})
