import { AppError } from '../lib/errors.ts'
import { hashOf } from '../lib/hash.ts'
import { readYaml, refuseFaults } from '../lib/yaml-file.ts'
import { toAssertion } from './assertion.ts'
import { type PlacedCase, readDatasetFile } from './dataset-file.ts'
import { fill } from './fill.ts'
import { fromPromptfoo, isPromptfoo } from './promptfoo.ts'
import type { Case, Suite, Target, Turn } from './suite.ts'
import { type DatasetSource, type RawSuite, type RawTurn, rawSuite } from './suite-schema.ts'

/** Where the cases of a suite come from besides its own file. */
export type SuiteSources = {
  /** A file beside the suite. */
  readFile(path: string): Promise<string>
  /** Cases from what the server has seen. */
  readStored(source: Exclude<DatasetSource, { file: string }>): Promise<PlacedCase[]>
}

/**
 * A suite file, `evals/<name>.yaml` or a promptfoo configuration, ready to run. Throws `invalid_request` with every fault at its line: an
 * unknown assertion, a variable that is not there, two cases of one name, a case that asserts nothing.
 */
export const readSuite = async (
  text: string,
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  sources: SuiteSources,
): Promise<Suite> => {
  const yaml = readYaml(text, file, environment)
  const foreign = isPromptfoo(yaml.value)
  const raw: RawSuite = foreign ? fromPromptfoo(yaml) : yaml.parse(rawSuite)
  const own = raw.cases.map((one, index): PlacedCase => ({ raw: one, place: yaml.at([foreign ? 'tests' : 'cases', index]) }))
  const read = await Promise.all(
    raw.datasets.map(async (source) =>
      'file' in source ? readDatasetFile(await sources.readFile(source.file), source.file) : sources.readStored(source),
    ),
  )
  const placed = [...own, ...read.flat()]
  if (placed.length === 0) throw new AppError('invalid_request', `${file}: the suite has no cases`)
  const faults: string[] = []
  const cases = placed.map((one, index) => toCase(one, index, raw, (message) => faults.push(`${one.place}: ${message}`)))
  const seen = new Set<string>()
  for (const [index, { id }] of cases.entries()) {
    if (seen.has(id)) faults.push(`${placed[index]?.place}: a case is named ${id} already`)
    seen.add(id)
  }
  refuseFaults(faults)
  const target = toTarget(raw.target)
  const { params } = raw
  return {
    name: file.replace(/^.*\//, '').replace(/\.ya?ml$/, ''),
    hash: hashOf({ target: withoutKey(target), params, seed: raw.seed, cases }),
    target,
    params: { temperature: params.temperature, topP: params.top_p, maxTokens: params.max_tokens, stop: params.stop },
    seed: raw.seed,
    concurrency: raw.concurrency,
    timeoutMs: raw.timeout_ms,
    budgetUsd: raw.budget_usd,
    judge: raw.judge,
    embedder: raw.embedder,
    tenant: raw.tenant,
    margin: raw.margin,
    passRate: raw.pass_rate,
    cases,
  }
}

const withoutKey = (target: Target): object => (target.kind === 'url' ? { ...target, apiKey: undefined, headers: undefined } : target)

const toTarget = (raw: RawSuite['target']): Target => {
  if ('url' in raw) return { kind: 'url', url: raw.url, model: raw.model, apiKey: raw.api_key, headers: raw.headers }
  if ('prompt' in raw) return { kind: 'prompt', prompt: raw.prompt, label: raw.label, version: raw.version, model: raw.model }
  if ('route' in raw) return { kind: 'route', route: raw.route, variant: raw.variant, variables: raw.variables }
  return { kind: 'route', route: raw.model, variables: false }
}

const toCase = ({ raw, literal = false }: PlacedCase, index: number, suite: RawSuite, fault: (message: string) => void): Case => {
  const { defaults } = suite
  const variables: Record<string, unknown> = { ...defaults.vars, ...raw.vars }
  // Of texts here alone: a prompt gets the variables, and refuses those that are no inputs of it.
  const known = raw.expected === undefined ? { ...variables } : { expected: raw.expected, ...variables }
  const filled = <Value>(value: Value): Value => {
    try {
      return fill(value, known) as Value
    } catch (error) {
      fault((error as Error).message)
      return value
    }
  }
  const assertions = [...defaults.assert, ...raw.assert].map((one) => toAssertion(one, filled, fault))
  if (assertions.length === 0) fault('the case asserts nothing: give it, or the defaults, an `assert`')
  const id = raw.id ?? raw.description ?? `case-${index + 1}`
  return {
    id,
    turns: turnsOf(raw, suite, known, fault).map((turn) => toTurn(literal ? turn : filled(turn))),
    variables,
    expected: raw.expected,
    tags: [...defaults.tags, ...raw.tags],
    mustPass: raw.must_pass,
    group: raw.group ?? id,
    repeats: raw.repeats ?? suite.repeats,
    threshold: raw.threshold ?? defaults.threshold,
    tools: raw.tools?.map(({ function: tool }) => tool),
    assertions,
  }
}

/** A prompt as target, or a route that gets variables, may need no message. */
const turnsOf = (
  raw: PlacedCase['raw'],
  suite: RawSuite,
  variables: Record<string, unknown>,
  fault: (message: string) => void,
): RawTurn[] => {
  if (raw.messages) return raw.messages
  const shared = suite.messages ?? (suite.input === undefined ? undefined : [{ role: 'user' as const, content: suite.input }])
  if (raw.input !== undefined) {
    // A template of the suite is around the inputs of its cases.
    if (shared?.some(({ content }) => /\{\{\s*input\s*\}\}/.test(content ?? ''))) {
      variables.input = raw.input
      return shared
    }
    return [{ role: 'user', content: raw.input }]
  }
  if (shared) return shared
  const question = variables.question ?? variables.input
  if (typeof question === 'string') return [{ role: 'user', content: question }]
  if ('prompt' in suite.target || ('variables' in suite.target && suite.target.variables)) return []
  fault('the case asks nothing: give it an `input` or `messages`')
  return []
}

const toTurn = (raw: RawTurn): Turn => {
  if (raw.role === 'tool') return { role: 'tool', content: raw.content, toolCallId: raw.tool_call_id }
  if ('tool_calls' in raw) {
    const toolCalls = raw.tool_calls.map(({ id, function: { name, arguments: json } }) => ({ id, name, arguments: json }))
    return { role: 'assistant', content: raw.content, toolCalls }
  }
  return { role: raw.role, content: raw.content }
}

/** The text that a case asks, for judges and reports. */
export const askedText = ({ turns, variables }: Pick<Case, 'turns' | 'variables'>): string =>
  turns.length > 0 ? turns.map(({ content }) => content ?? '').join('\n') : JSON.stringify(variables)
