import { afterAll, describe, expect, test } from 'vitest'
import { createLlamaEngine } from '../../src/engine/llama/engine.ts'
import { type Asked, ask, scratch, tinyGguf } from '../support/local-models.ts'

const engine = createLlamaEngine({ cacheDir: scratch(), log: () => undefined, gpu: false, threads: 1 })
afterAll(() => engine.close())

describe('an answer that is one of given texts', () => {
  const model = engine.chatModel(tinyGguf({ sequences: 4, maxQueue: 40 }))
  const texts = ['the cat sat on the mat', 'the cat sat on the hat', 'the cat sat', 'a dog [1]', 'grüße, 世界']
  const pick = (changes: Asked = {}, from: readonly string[] = texts) =>
    ask(model, {
      messages: [{ role: 'user', content: 'which?' }],
      responseFormat: { type: 'one-of', texts: from },
      ...changes,
      sampling: { temperature: 0, ...changes.sampling },
    })

  test('is one of them to the letter, however it is drawn, also where one begins another', async () => {
    const drawn = await Promise.all(Array.from({ length: 40 }, (_, seed) => pick({ sampling: { temperature: 3, seed } })))
    for (const { texts: said, reasons } of drawn) {
      expect(texts).toContain(said[0])
      expect(reasons).toEqual(['stop'])
    }
    expect(new Set(drawn.map(({ texts: said }) => said[0])).size).toBeGreaterThan(2)
    expect((await pick({}, ['only this'])).texts).toEqual(['only this'])
  })

  test('is drawn by the probabilities of the model, and the same for the same seed', async () => {
    const draw = async (seed: number, bias: number, topP?: number) =>
      (await pick({ sampling: { temperature: 1, seed, topP, logitBias: { 262: bias } } }, ['e', 't'])).texts[0]
    expect(await draw(1, 100)).toBe('e')
    expect(await draw(1, -100)).toBe('t')
    expect(await draw(7, 0)).toBe(await draw(7, 0))
    const many = await Promise.all(Array.from({ length: 40 }, (_, seed) => draw(seed, 0)))
    expect(new Set(many).size).toBe(2)
    expect(new Set(await Promise.all(Array.from({ length: 20 }, (_, seed) => draw(seed, 3, 0.5))))).toEqual(new Set(['e']))
  })

  test('follows the priors as far as they go, also where texts begin alike', async () => {
    const preferred = async (...priors: number[]) => {
      const { texts: said, reasons } = await pick({ responseFormat: { type: 'one-of', texts: texts.slice(0, 4), priors } })
      expect(reasons).toEqual(['stop'])
      return texts.indexOf(said[0] ?? '')
    }
    for (const place of [0, 1, 2, 3]) expect(await preferred(...[0, 1, 2, 3].map((other) => (other === place ? 50 : 0)))).toBe(place)
    const unmoved = texts.indexOf((await pick({}, texts.slice(0, 4))).texts[0] ?? '')
    expect(await preferred(0, 0, 0, 0)).toBe(unmoved)
    expect(await preferred(7, 7, 7, 7)).toBe(unmoved)
  })

  test('costs no step of the model where only one token can follow, and is the one that steps would have found', async () => {
    for (const content of ['one', 'two', 'three', 'four', 'five', 'six']) {
      const messages = [{ role: 'user', content }]
      const [quick, slow] = [await pick({ messages }), await pick({ messages, sampling: { topLogprobs: 2 } })]
      expect(quick.texts).toEqual(slow.texts)
      expect(quick.usage.completionTokens).toBe(slow.usage.completionTokens)
      expect(slow.logprobs).toHaveLength(slow.usage.completionTokens)
      expect(slow.logprobs[0]?.top).toHaveLength(2)
    }
  })

  test('keeps to the limits of an answer, and comes n times', async () => {
    const cut = await pick({ sampling: { maxTokens: 5 } }, ['abcdefghij'])
    expect([cut.texts, cut.reasons, cut.usage.completionTokens]).toEqual([['abcd'], ['length'], 5])
    const long = await pick({}, ['a'.repeat(600)])
    expect([long.reasons, long.usage.promptTokens + long.usage.completionTokens]).toEqual([['length'], 512])
    const several = await pick({ n: 3, sampling: { temperature: 3, seed: 4 } })
    expect(several.texts.every((text) => texts.includes(text))).toBe(true)
    expect(several.reasons).toEqual(['stop', 'stop', 'stop'])
    const stopped = await pick({ sampling: { stop: ['on'] } }, ['the cat sat on the mat'])
    expect([stopped.texts, stopped.reasons]).toEqual([['the cat sat '], ['stop']])
  })

  test('goes with nothing that contradicts it', async () => {
    await expect(pick({ sampling: { frequencyPenalty: 1 } })).rejects.toMatchObject({
      code: 'unsupported_parameter',
      param: 'frequency_penalty',
    })
    await expect(pick({ tools: [{ name: 'look' }] })).rejects.toMatchObject({ code: 'unsupported_parameter' })
  })
})
