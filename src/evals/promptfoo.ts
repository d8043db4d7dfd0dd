import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import type { YamlFile } from '../lib/yaml-file.ts'
import { assertion, type RawSuite, rawSuite } from './suite-schema.ts'

/** `promptfooconfig.yaml`, the parts that mean something here. Others are refused by name: a suite that is half read would pass too easily. */
const options = z.strictObject({ repeat: z.number().int().positive().optional() }).optional()
const test = z.strictObject({
  description: z.string().optional(),
  vars: z.record(z.string(), z.unknown()).default({}),
  assert: z.array(assertion).default([]),
  threshold: z.number().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  options,
})
const promptfoo = z.strictObject({
  description: z.string().optional(),
  prompts: z.array(z.string().min(1)).min(1),
  providers: z
    .array(
      z.union([
        z.string(),
        z.strictObject({ id: z.string(), label: z.string().optional(), config: z.record(z.string(), z.unknown()).default({}) }),
      ]),
    )
    .min(1),
  defaultTest: test.prefault({}),
  tests: z.union([z.array(test), z.string()]),
  evaluateOptions: z
    .strictObject({
      maxConcurrency: z.number().int().positive().optional(),
      repeat: z.number().int().positive().optional(),
      timeoutMs: z.number().optional(),
    })
    .prefault({}),
})

export const isPromptfoo = (value: unknown): boolean =>
  value !== null && typeof value === 'object' && ('prompts' in value || 'providers' in value || 'tests' in value)

/** A promptfoo configuration as a suite of ours. The provider `openai:chat:<model>` is the route or model of that name here. */
export const fromPromptfoo = (yaml: YamlFile): RawSuite => {
  const { description, prompts, providers, defaultTest, tests, evaluateOptions } = yaml.parse(promptfoo)
  const only = (what: string, path: string, count: number) => {
    if (count > 1)
      throw new AppError(
        'invalid_request',
        `${yaml.at([path, 1])}: ${path}: one ${what} at a time: a run compares with the run before, by --baseline`,
      )
  }
  only('prompt', 'prompts', prompts.length)
  only('provider', 'providers', providers.length)
  const [prompt = ''] = prompts
  if (prompt.startsWith('file://'))
    throw new AppError(
      'invalid_request',
      `${yaml.at(['prompts', 0])}: prompts.0: write the prompt here, or make it a target: {prompt, model}`,
    )
  const [provider] = providers
  const id = typeof provider === 'string' ? provider : (provider?.id ?? '')
  const config = typeof provider === 'object' ? provider.config : {}
  const chat = chatMessages(prompt)
  return rawSuite.parse({
    description,
    target: { route: id.split(':').at(-1) },
    params: { temperature: config.temperature, max_tokens: config.max_tokens },
    ...(chat ? { messages: chat } : { input: prompt }),
    repeats: evaluateOptions.repeat ?? 1,
    concurrency: evaluateOptions.maxConcurrency ?? 4,
    defaults: { assert: defaultTest.assert, vars: defaultTest.vars, threshold: defaultTest.threshold },
    datasets: typeof tests === 'string' ? [{ file: tests.replace('file://', '') }] : [],
    cases: (typeof tests === 'string' ? [] : tests).map(({ description: about, vars, assert, threshold, options: own }) => ({
      description: about,
      vars,
      assert,
      threshold,
      repeats: own?.repeat,
    })),
  })
}

/** promptfoo writes conversations as JSON. */
const chatMessages = (prompt: string): unknown => {
  try {
    const parsed: unknown = JSON.parse(prompt)
    return Array.isArray(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
