import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { lintPrompt } from '../../src/prompts/lint.ts'
import { formatProblem } from '../../src/prompts/problem.ts'
import { namePromptTree, partialFinder, readTreeFiles } from '../../src/prompts/tree.ts'

const tree = namePromptTree(await readTreeFiles(resolve(import.meta.dirname, '../../prompts')))
const read = (name: string) => {
  const file = tree.prompts.get(name)
  const result = file && lintPrompt(file, partialFinder(tree))
  if (!result?.prompt) throw new Error(result?.problems.map(formatProblem).join('\n') ?? `no prompt ${name}`)
  return result.prompt
}

test.each([...tree.prompts.keys()])('%s has no faults', (name) => {
  expect(read(name).name).toBe(name)
})

test('assistant/answer puts rules, history and fenced passages each in a message', () => {
  const passages = '<passages-9f2c1ab4>\n[1] Install\nRun weir up.\n</passages-9f2c1ab4>'
  const history = [
    { role: 'user' as const, content: 'hello' },
    { role: 'assistant' as const, content: 'Hello.' },
  ]
  const { messages } = read('assistant/answer').render({ variables: { question: 'How do I start?', passages }, history })
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
  expect(messages.at(-1)?.content).toBe(`${passages}\n\nQuestion: How do I start?`)
})

test('examples/classify shows two examples and asks for JSON', () => {
  const { messages, responseFormat } = read('examples/classify').render({ variables: { message: 'Hi' } })
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'user'])
  expect(messages[0]?.content).toContain('billing, bug, question, other.')
  expect(responseFormat).toMatchObject({ type: 'json-schema', strict: true })
})
