import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStopScanner } from '../../src/engine/llama/stop-scanner.ts'

const scan = (pieces: string[], stops: string[]) => {
  const scanner = createStopScanner(stops)
  let out = ''
  for (const piece of pieces) {
    const { text, stopped } = scanner.push(piece)
    out += text
    if (stopped) return { out, stopped }
  }
  return { out: out + scanner.flush(), stopped: false }
}

const pieces = fc.array(fc.stringMatching(/^[abc]{0,4}$/), { maxLength: 20 })
const stops = fc.array(fc.stringMatching(/^[abc]{1,4}$/), { maxLength: 3 })

test('text ends before a stop sequence and is whole without one, however it arrives', () => {
  fc.assert(
    fc.property(pieces, stops, (pieces, stops) => {
      const whole = pieces.join('')
      const { out, stopped } = scan(pieces, stops)
      expect(stopped).toBe(stops.some((stop) => whole.includes(stop)))
      expect(whole.startsWith(out)).toBe(true)
      expect(stops.some((stop) => out.includes(stop))).toBe(false)
      if (!stopped) expect(out).toBe(whole)
    }),
  )
})

test('one stop: exactly what came before it is given out', () => {
  fc.assert(
    fc.property(pieces, fc.stringMatching(/^[abc]{1,4}$/), (pieces, stop) => {
      expect(scan(pieces, [stop]).out).toBe(pieces.join('').split(stop)[0])
    }),
  )
})

test('a partial stop is held back and released when it comes to nothing', () => {
  const scanner = createStopScanner(['\n\nUser:'])
  expect(scanner.push('Hello\n')).toEqual({ text: 'Hello', stopped: false })
  expect(scanner.push('\nUs')).toEqual({ text: '', stopped: false })
  expect(scanner.push('age')).toEqual({ text: '\n\nUsage', stopped: false })
  expect(scanner.push('\n\nUser: hi')).toEqual({ text: '', stopped: true })
})
