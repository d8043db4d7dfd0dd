import { describe, expect, test } from 'vitest'
import { eventStream } from '../../src/http/event-stream.ts'

const reader = (frames: AsyncGenerator<string, void, undefined>, onCancel = () => {}) => {
  const body = eventStream(frames, onCancel).getReader()
  const decoder = new TextDecoder()
  return { read: async () => decoder.decode((await body.read()).value), cancel: () => body.cancel() }
}

describe('an event stream', () => {
  test('sends what is ready together, and does not hold back for what is not', async () => {
    const gate = Promise.withResolvers<void>()
    const { read } = reader(
      (async function* () {
        yield 'a'
        yield 'b'
        await gate.promise
        yield 'c'
        yield 'd'
      })(),
    )
    expect(await read()).toBe('ab')
    setTimeout(gate.resolve, 10)
    expect(await read()).toBe('cd')
    expect(await read()).toBe('')
  })

  test('loses and repeats nothing, whatever the pauses between frames and reads', async () => {
    const pause = () => (Math.random() < 0.3 ? Bun.sleep(Math.random() * 3) : undefined)
    for (let round = 0; round < 8; round += 1) {
      const { read } = reader(
        (async function* () {
          for (let index = 0; index < 100; index += 1) {
            await pause()
            yield `${index},`
          }
        })(),
      )
      let all = ''
      for (let piece = await read(); piece !== ''; piece = await read()) {
        all += piece
        await pause()
      }
      expect(all).toBe(Array.from({ length: 100 }, (_, index) => `${index},`).join(''))
    }
  })

  test('reads at most one write ahead of a reader who stops', async () => {
    let made = 0
    const { read } = reader(
      (async function* () {
        for (;;) {
          made += 1
          yield 'x'.repeat(1024)
        }
      })(),
    )
    await read()
    const after = made
    await Bun.sleep(20)
    expect(made).toBe(after)
    expect(made).toBeLessThan(40)
  })

  test('ends its frames when the reader leaves, between two of them', async () => {
    const events: string[] = []
    const { read, cancel } = reader(
      (async function* () {
        try {
          for (;;) {
            yield 'x'.repeat(20_000)
          }
        } finally {
          events.push('ended')
        }
      })(),
      () => events.push('cancelled'),
    )
    await read()
    await cancel()
    expect(events).toEqual(['cancelled', 'ended'])
  })
})
