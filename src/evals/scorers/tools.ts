import { Ajv } from 'ajv'
import { graded, type Scorer, verdict } from '../scorer.ts'

const ajv = new Ajv({ strict: false })

type Expected = { name: string; arguments?: Record<string, unknown> | undefined }

const expectedCalls = (value: unknown): Expected[] =>
  (Array.isArray(value) ? value : [value]).map((item) => (typeof item === 'string' ? { name: item } : (item as Expected)))

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text === '' ? '{}' : text)
  } catch {
    return undefined
  }
}

/** What is expected of the arguments is in them; others may be too. */
const matches = (call: { name: string; arguments: string }, expected: Expected): boolean => {
  if (call.name !== expected.name) return false
  if (expected.arguments === undefined) return true
  const given = parsed(call.arguments)
  if (given === null || typeof given !== 'object') return false
  return Object.entries(expected.arguments).every(([name, value]) => Bun.deepEquals((given as Record<string, unknown>)[name], value))
}

const refuse: NonNullable<Scorer['refuse']> = ({ type, value }) =>
  expectedCalls(value).every((call) => call !== null && typeof call === 'object' && typeof call.name === 'string')
    ? undefined
    : `${type} needs a list of {name, arguments}, or of names`

/** Exactly the expected calls, in any order. */
export const toolCall: Scorer = {
  type: 'tool-call',
  refuse,
  score: ({ toolCalls }, { value }) => {
    const expected = expectedCalls(value)
    const missing = expected.filter((wanted) => !toolCalls.some((call) => matches(call, wanted)))
    const called = toolCalls.map(({ name, arguments: args }) => `${name}(${args})`).join(', ') || 'nothing'
    return verdict(missing.length === 0 && toolCalls.length === expected.length, `called ${called}`)
  },
}

/** F1 of the names of the tools called against those expected. */
export const toolCallF1: Scorer = {
  type: 'tool-call-f1',
  refuse,
  score: ({ toolCalls }, { value, threshold = 1 }) => {
    const expected = new Set(expectedCalls(value).map(({ name }) => name))
    const called = new Set(toolCalls.map(({ name }) => name))
    const common = [...expected].filter((name) => called.has(name)).length
    const score = expected.size + called.size === 0 ? 1 : (2 * common) / (expected.size + called.size)
    return graded(score, threshold, `called ${[...called].join(', ') || 'nothing'}`)
  },
}

/** Every call names a tool of the case, with arguments of its schema. */
export const validToolsCall: Scorer = {
  type: 'is-valid-openai-tools-call',
  score: ({ toolCalls }, _assertion, { tools }) => {
    if (toolCalls.length === 0) return verdict(false, 'no tool was called')
    for (const call of toolCalls) {
      const tool = tools.find(({ name }) => name === call.name)
      if (tool === undefined) return verdict(false, `there is no tool ${call.name}`)
      const given = parsed(call.arguments)
      if (given === undefined) return verdict(false, `the arguments of ${call.name} are not JSON`)
      if (tool.parameters !== undefined && !ajv.validate(tool.parameters as object, given))
        return verdict(false, `${call.name}: ${ajv.errorsText()}`)
    }
    return verdict(true, 'valid')
  },
}
