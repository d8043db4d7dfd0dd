import { afterAll } from 'vitest'
import { createLlamaEngine } from '../../src/engine/llama/engine.ts'
import { describeChatModel } from '../models/chat-model.contract.ts'
import { scratch, tinyGguf } from '../support/local-models.ts'

const engine = createLlamaEngine({ cacheDir: scratch(), log: () => undefined, gpu: false, threads: 1 })
afterAll(() => engine.close())
const model = engine.chatModel(tinyGguf({ contextTokens: 1_024, sequences: 4, maxQueue: 16 }))
/** Big enough to write for a second. */
const slow = engine.chatModel({
  ...tinyGguf({ embedding: 512, layers: 6, feedForward: 1_024, heads: 8, contextTokens: 4_096 }),
  contextTokens: 4_096,
  id: 'slow',
})

describeChatModel('a local GGUF model', (situation) => {
  switch (situation) {
    case 'writes long':
      return { model: slow }
    case 'rate limited':
    case 'refuses':
      return undefined
    default:
      return { model }
  }
})
