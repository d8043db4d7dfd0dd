import { describe, expect, test } from 'vitest'
import { createSseReader, type SseEvent } from '../../src/lib/sse.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const dataOf = (events: SseEvent[]) => events.map((event) => event.data)

/** Reads the text in pieces of one size. */
const inPieces = (text: string, size: number): string[] => {
  const reader = createSseReader()
  const all = bytes(text)
  const events: SseEvent[] = []
  for (let start = 0; start < all.length; start += size) events.push(...reader.read(all.slice(start, start + size)))
  return dataOf([...events, ...reader.end()])
}

describe('server-sent events', () => {
  const stream =
    '\uFEFF: hello\r\ndata: é€😀\r\n\r\nevent: ping\ndata: one\ndata: two\n\ndata:three\r\rid: 7\ndata: {"a":"b: c"}\n\n: bye\n\n'

  for (const size of [1, 2, 3, 7, 1000]) {
    test(`come out whole from pieces of ${size} bytes`, () => {
      expect(inPieces(stream, size)).toEqual(['é€😀', 'one\ntwo', 'three', '{"a":"b: c"}'])
    })
  }

  test('carry their type', () => {
    expect(createSseReader().read(bytes('event: error\ndata: x\n\ndata: y\n\n'))).toMatchObject([
      { event: 'error', data: 'x' },
      { data: 'y' },
    ])
  })

  test('are given at the end although their blank line is missing', () => {
    const reader = createSseReader()
    expect(reader.read(bytes('data: [DONE]'))).toEqual([])
    expect(dataOf(reader.end())).toEqual(['[DONE]'])
    expect(reader.end()).toEqual([])
  })

  test('do not come twice when nothing is left at the end', () => {
    const reader = createSseReader()
    expect(dataOf(reader.read(bytes('data: a\n\n')))).toEqual(['a'])
    expect(reader.end()).toEqual([])
  })

  test('are refused past the bound, in one line or in many', () => {
    const line = createSseReader(1000)
    expect(() => {
      for (let count = 0; count < 100; count += 1) line.read(bytes('data: x'.repeat(10)))
    }).toThrow(expect.objectContaining({ code: 'upstream_failed' }))
    const lines = createSseReader(1000)
    expect(() => {
      for (let count = 0; count < 100; count += 1) lines.read(bytes(`data: ${'x'.repeat(100)}\n`))
    }).toThrow(expect.objectContaining({ code: 'upstream_failed' }))
  })

  test('of a megabyte in small pieces are read in linear time', () => {
    const reader = createSseReader()
    const sinceMs = performance.now()
    reader.read(bytes('data: '))
    for (let count = 0; count < 10_000; count += 1) reader.read(bytes('x'.repeat(100)))
    expect(dataOf(reader.read(bytes('\n\n')))[0]).toHaveLength(1_000_000)
    expect(performance.now() - sinceMs).toBeLessThan(1000)
  })
})
