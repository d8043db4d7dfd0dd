import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createToolCallReader } from '../../src/engine/llama/tool-calls.ts'

const tools = [{ name: 'weather' }, { name: 'now' }]

const read = (pieces: string[]) => {
  const reader = createToolCallReader(tools, () => 'id')
  const events = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.finish()]
  const text = events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : [])).join('')
  const calls = events.flatMap((event) => (event.type === 'tool-call-delta' ? [[event.index, event.name, event.arguments]] : []))
  return { text, calls, called: reader.called }
}

test('calls are read out of the text, in order, however it arrives', () => {
  const whole =
    'Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Rom"}}\n</tool_call>\n<tool_call>{"name":"now"}</tool_call>'
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
      const pieces: string[] = []
      for (let at = 0, turn = 0; at < whole.length; turn++) {
        const size = sizes[turn % sizes.length] as number
        pieces.push(whole.slice(at, at + size))
        at += size
      }
      expect(read(pieces)).toEqual({
        text: 'Let me see.\n',
        calls: [
          [0, 'weather', '{"city":"Rom"}'],
          [1, 'now', '{}'],
        ],
        called: true,
      })
    }),
  )
})

test('an answer that is one bare call counts, one about JSON does not', () => {
  expect(read(['{"name": "weather", ', '"parameters": {"city": "Rom"}}']).calls).toEqual([[0, 'weather', '{"city":"Rom"}']])
  expect(read(['{"name": "other", "parameters": {}}'])).toEqual({ text: '{"name": "other", "parameters": {}}', calls: [], called: false })
})

test('what does not parse stays text', () => {
  for (const text of ['<tool_call>{"name": </tool_call>', '<tool_call>{"name":"never"}</tool_call> ok', '<tool_', 'a < b'])
    expect(read([...text]).text).toBe(text)
})
