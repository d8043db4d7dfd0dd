import { expect, test } from 'vitest'
import { asksForQuantity, holdsQuantity, questionWords } from '../../src/retrieval/question-words.ts'

const sentences = [
  'The reading room opens at nine and closes at six.',
  'On Saturdays it closes at one.',
  'The reading room has forty seats.',
  'Readers of the room may bring a pencil.',
]
const words = questionWords('When does the reading room close on Saturday?', sentences)
const held = (at: number, around = '') => words.heldWith(sentences[at] ?? '', around, 0.5)

test('a word that one sentence has tells more than those that all have', () => {
  expect(held(1)).toBeGreaterThan(held(2))
  expect(held(3)).toBeLessThan(held(2))
})

test('what stands around a sentence counts for less than what is in it, and nothing counts twice', () => {
  const [alone, withHeading] = [held(1), held(1, 'The reading room')]
  expect(withHeading).toBeGreaterThan(alone)
  expect(withHeading).toBeLessThan(1)
  expect(words.heldWith('When does the reading room close on Saturdays?', 'reading room Saturday', 0.5)).toBeCloseTo(1, 12)
})

test('words meet in their inflections', () => {
  const asked = questionWords('How are models rolled back?', ['x'])
  expect(asked.heldWith('Rolling a model back', '', 0)).toBeCloseTo(1, 12)
})

test('a question without a word that carries meaning is held by nothing', () => {
  expect(questionWords('What is it?', sentences).heldWith('It is what it is.', '', 0.5)).toBe(0)
})

test.each([
  ['How many seats are there?', true],
  ['When does it open?', true],
  ['At what time does it open?', true],
  ['How do I open it?', false],
  ['Who knows when it opens?', false],
])('%s asks for a quantity: %s', (question, expected) => expect(asksForQuantity(question)).toBe(expected))

test.each([
  ['It has forty-two or 42 seats.', true],
  ['It closes on Saturdays.', true],
  ['Someone is often there.', false],
])('%s holds one: %s', (text, expected) => expect(holdsQuantity(text)).toBe(expected))
