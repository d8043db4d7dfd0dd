import { expect, test } from 'vitest'
import { encodeTrace } from '../../src/traces/encode.ts'
import { decodeFrames, encodeFrame } from '../../src/traces/frame.ts'
import { aTrace } from '../support/trace.ts'

const all = { records: 1_000, bytes: 1 << 20 }
const lines = (...records: string[]) => Buffer.from(records.map(encodeFrame).join(''))

test('gives back what was framed', () => {
  const records = ['{"a":1}', '{"b":"é…😀"}', '{}']
  const bytes = lines(...records)
  expect(decodeFrames(bytes, 0, all)).toEqual({ records, damaged: 0, next: bytes.length })
})

test('skips a torn tail, wherever it was cut', () => {
  const whole = lines('{"a":1}')
  const torn = lines('{"b":"é…😀"}')
  for (let cut = 1; cut < torn.length; cut++) {
    const bytes = Buffer.concat([whole, torn.subarray(0, cut)])
    expect(decodeFrames(bytes, 0, all)).toEqual({ records: ['{"a":1}'], damaged: 1, next: bytes.length })
  }
})

test('skips a damaged line and finds the next', () => {
  const bytes = lines('{"a":1}', '{"b":2}', '{"c":3}')
  bytes[bytes.indexOf('"b"') + 1] = 0x78
  expect(decodeFrames(bytes, 0, all)).toMatchObject({ records: ['{"a":1}', '{"c":3}'], damaged: 1 })
})

test('reads on from where a limit stopped it', () => {
  const bytes = lines('{"a":1}', '{"b":2}', '{"c":3}')
  const first = decodeFrames(bytes, 0, { records: 2, bytes: 1 << 20 })
  expect(first.records).toHaveLength(2)
  expect(decodeFrames(bytes, first.next, all)).toEqual({ records: ['{"c":3}'], damaged: 0, next: bytes.length })
})

test('keeps the shape of a redacted payload and none of its text', () => {
  const trace = aTrace({ payload: { input: { messages: [{ role: 'user', content: 'my name is Ada' }], n: 2 }, output: null } })
  expect(JSON.parse(encodeTrace(trace, 'redact')).payload).toEqual({
    input: { messages: [{ role: 'user', content: '[14 characters]' }], n: 2 },
    output: null,
  })
  expect(JSON.parse(encodeTrace(trace, 'off')).payload).toBeNull()
})

test('replaces what Postgres text cannot hold, and only that', () => {
  const text = `nul \0, high \ud83d, low \ude00, whole 😀, escaped \\u0000 \\ud83d, control \u001b`
  const { payload } = JSON.parse(encodeTrace(aTrace({ payload: { input: text, output: null } }), 'keep'))
  expect(payload.input).toBe(`nul \ufffd, high \ufffd, low \ufffd, whole 😀, escaped \\u0000 \\ud83d, control \u001b`)
})
