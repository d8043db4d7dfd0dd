import type { Assertion, Output, ScoreContext } from '../../src/evals/scorer.ts'
import { blank } from '../../src/evals/target.ts'

export const output = (text: string, more: Partial<Output> = {}): Output => ({ ...blank, text, finishReason: 'stop', ...more })

export const assertion = (type: string, value?: unknown, more: Partial<Assertion> = {}): Assertion => ({
  type,
  value,
  threshold: undefined,
  config: {},
  ...more,
})

export const context = (more: Partial<ScoreContext> = {}): ScoreContext => ({
  input: 'What is a weir?',
  variables: {},
  expected: undefined,
  tools: [],
  embed: undefined,
  classify: undefined,
  judge: undefined,
  load: undefined,
  signal: new AbortController().signal,
  ...more,
})
