import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keywords } from '../../src/guardrails/checks/keywords.ts'
import { pattern } from '../../src/guardrails/checks/pattern.ts'
import { pii } from '../../src/guardrails/checks/pii.ts'
import { watch } from '../../src/guardrails/guard.ts'
import { cleaned } from '../../src/guardrails/input.ts'
import { createWindow } from '../../src/guardrails/window.ts'
import { guardOf } from './guard-of.ts'

const reader = { tenant: 'acme', signal: new AbortController().signal }
const redacting = () =>
  [pii({}), keywords(['Project Falcon']), pattern(['order \\d{6}'])].map((check, index) =>
    watch(guardOf(`guard-${index}`, check, { action: 'redact' }), 'output', reader),
  )

const streamed = async (pieces: string[]) => {
  const window = createWindow(redacting())
  let text = ''
  for (const piece of pieces) text += (await window.push(piece))?.text ?? ''
  return text + ((await window.end())?.text ?? '')
}

describe('a guarded stream', () => {
  test('reads as the whole text would, however it is cut', async () => {
    const words = fc.constantFrom(
      'ann@mail.example.org',
      'Project  FALCON',
      'order 123456',
      '+44 20 7946 0958',
      'a river 🏞️',
      'weir.',
      'x'.repeat(90),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(words, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (said, cuts) => {
          const text = said.join(' ')
          const pieces: string[] = []
          for (let at = 0, index = 0; at < text.length; index += 1) {
            const size = cuts[index % cuts.length] as number
            pieces.push(text.slice(at, at + size))
            at += size
          }
          expect(await streamed(pieces)).toBe(await cleaned(text, redacting()))
        },
      ),
      { numRuns: 300, seed: 20_261_127 },
    )
  })

  test('lets go of what no finding can reach any more', async () => {
    const window = createWindow(redacting())
    const released: string[] = []
    for (let index = 0; index < 100; index += 1) released.push((await window.push('word '))?.text ?? '')
    expect(released.join('').length).toBeGreaterThan(150)
  })

  test('drops the probabilities of what it takes out, and keeps the others', async () => {
    const window = createWindow(redacting())
    const logprobs = (token: string) => [{ token, logprob: -1, bytes: [], top: [] }]
    await window.push('write to ', logprobs('write to '))
    await window.push('ann@mail.example.org', logprobs('ann@mail.example.org'))
    await window.push(' now', logprobs(' now'))
    expect(await window.end()).toEqual({ text: 'write to [email] now', logprobs: [...logprobs('write to '), ...logprobs(' now')] })
  })
})

describe('keywords', () => {
  const find = async (words: string[], text: string) =>
    (await keywords(words).find(text, reader))?.spans?.map(({ start, end }) => text.slice(start, end))

  test.each([
    ['falcon', 'The FALCON flies', ['FALCON']],
    ['falcon', 'f\u200bal\u00adcon', ['f\u200bal\u00adcon']],
    ['falcon', 'ｆａｌｃｏｎ', ['ｆａｌｃｏｎ']],
    ['cafe', 'un café noir', ['café']],
    ['project falcon', 'project \n falcon', ['project \n falcon']],
    ['c++', 'I write C++.', ['C++']],
  ])('%s in %j', async (word, text, found) => {
    expect(await find([word], text)).toEqual(found)
  })

  test.each(['falconry', 'unfalcon', 'fal con'])('not in %s', async (text) => {
    expect(await find(['falcon'], text)).toBeUndefined()
  })
})
