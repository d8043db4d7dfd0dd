import { AppError } from '../lib/errors.ts'
import type { Metric, Metrics } from './metric.ts'

/** A value as it is stored: numbers count, contents are read. */
export type StoredValue = { number: number | null; content: unknown }

export type Target = { inferenceId: string | undefined; subject: string | undefined }

/** Checks a value against its metric. Throws `invalid_request` whose `param` is the field at fault. */
export const storedValue = (metrics: Metrics, name: string, value: unknown, target: Target): StoredValue => {
  if (target.inferenceId === undefined && target.subject === undefined) throw fault('inference_id', 'name an inference_id or a subject')
  if (name === 'comment') return { number: null, content: text(value) }
  if (name === 'demonstration') return { number: null, content: demonstration(value, target) }
  const metric = Object.hasOwn(metrics, name) ? metrics[name] : undefined
  if (metric === undefined) throw fault('metric', `no metric is named '${name}'; declare it under metrics in the configuration`)
  if (metric.type !== 'label' && metric.source === 'online_score') throw fault('metric', `'${name}' is what a scorer says of answers`)
  if (target.inferenceId === undefined && (metric.type === 'label' || metric.level === 'inference')) {
    throw fault('inference_id', `'${name}' is about an answer: name its inference_id`)
  }
  return metric.type === 'label' ? { number: null, content: label(metric.labels, value) } : { number: number(metric, value), content: null }
}

const number = (metric: Exclude<Metric, { type: 'label' }>, value: unknown): number => {
  if (metric.type === 'boolean') {
    if (typeof value !== 'boolean') throw fault('value', 'must be true or false')
    return value ? 1 : 0
  }
  if (metric.type === 'event' && value === undefined) return 1
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > largest) {
    throw fault('value', `must be a number between -${largest} and ${largest}`)
  }
  const { minimum, maximum } = metric
  if (minimum !== undefined && value < minimum) throw fault('value', `must be ${minimum} or more`)
  if (maximum !== undefined && value > maximum) throw fault('value', `must be ${maximum} or less`)
  return value
}

/** Squares of it still sum without overflow. */
const largest = 1e12

const label = (labels: readonly string[], value: unknown): string => {
  if (typeof value === 'string' && labels.includes(value)) return value
  throw fault('value', `must be one of ${labels.map((one) => `'${one}'`).join(', ')}`)
}

const text = (value: unknown): string => {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= longestText) return value
  throw fault('value', `must be text of 1 to ${longestText} characters`)
}

const demonstration = (value: unknown, { inferenceId }: Target): unknown => {
  if (inferenceId === undefined) throw fault('inference_id', 'a demonstration is about an answer: name its inference_id')
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value) && value.length > 0 && value.every(isMessage) && JSON.stringify(value).length <= longestText) return value
  throw fault('value', 'must be text, or a list of messages with a role and a content')
}

const isMessage = (value: unknown): boolean => {
  const { role, content } = (value ?? {}) as { role?: unknown; content?: unknown }
  return typeof role === 'string' && roles.has(role) && (typeof content === 'string' || Array.isArray(content) || content === null)
}

const roles: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant', 'tool'])
const longestText = 100_000

const fault = (param: string, message: string) => new AppError('invalid_request', `'${param}': ${message}`, { param })
