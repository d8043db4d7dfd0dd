import type { Database } from '../../src/db/database.ts'
import { type ControllerDeps, createMonitorController } from '../../src/monitors/controller.ts'
import type { MonitorPlan } from '../../src/monitors/plan.ts'
import { createReference, type Reference } from '../../src/monitors/reference.ts'
import { signals, signalsOf } from '../../src/monitors/signals.ts'
import { insertTraces } from '../../src/traces/insert.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { aTrace } from '../support/trace.ts'

export const hash = 'f'.repeat(64)
/** The beginning of a day, so that windows of an hour begin at it. */
export const dayMs = Date.parse('2026-11-20T00:00:00Z')
export const minuteMs = 60_000
export const hourMs = 60 * minuteMs

export const planOf = (changes: Partial<MonitorPlan> = {}): MonitorPlan => ({
  route: 'support',
  window: { minutes: 10 },
  likeHours: false,
  minSamples: 50,
  alpha: 0.05,
  consecutive: 2,
  latenessMs: 60_000,
  autoReference: null,
  embedder: null,
  examples: {},
  signals: {},
  actions: [],
  golden: null,
  ...changes,
})

/** A conversation as `answer` records it. */
export const chatPayload = (asked: string, answered: string, more: { tools?: unknown[]; passages?: { score: number }[] } = {}) => ({
  input: { kind: 'chat', messages: [{ role: 'user', content: asked }], tools: more.tools },
  output: [{ text: answered, reasoning: '', refusal: '', toolCalls: [], finishReason: 'stop', annotations: [] }],
  ...(more.passages ? { passages: { passages: more.passages } } : {}),
})

/** As many requests evenly over `[fromMs, toMs)`; `each` says what is special about one. */
export const serve = async (
  db: Database,
  { fromMs, toMs, count, each = () => ({}) }: { fromMs: number; toMs: number; count: number; each?: (index: number) => Partial<Trace> },
): Promise<Trace[]> => {
  const traces = Array.from({ length: count }, (_, index) =>
    aTrace({
      startedAtMs: fromMs + ((toMs - fromMs) * index) / count,
      variantHash: hash,
      cache: null,
      payload: chatPayload('How do I reset my password please?', 'You find it under settings.'),
      ...each(index),
    }),
  )
  for (let at = 0; at < traces.length; at += 500) {
    await insertTraces(
      db,
      traces.slice(at, at + 500).map((trace) => JSON.stringify(trace)),
    )
  }
  return traces
}

export const referenceOf = (db: Database, fromMs: number, toMs: number, changes: { variantHash?: string } = {}): Promise<Reference> =>
  createReference(db, signals, {
    ...{ route: 'support', variant: 'a', variantHash: hash, fromMs, toMs, perHour: false },
    ...{ actor: 'ann', reason: 'it was good then', nowMs: toMs },
    ...changes,
  })

type Parts = { db: Database; now: () => number; plan: MonitorPlan } & Partial<ControllerDeps>

/** A controller over one database, at a time that the test tells. */
export const monitor = ({ db, now, plan, ...rest }: Parts) => {
  const thrown: unknown[] = []
  const controller = createMonitorController({
    db,
    clock: now,
    plans: () => [plan],
    signals: () => signalsOf({ metrics: {}, scorers: ['helpful'] }),
    embedderOf: () => undefined,
    afterwards: async () => {},
    tickMs: 10,
    onError: (error) => thrown.push(error),
    ...rest,
  })
  return { ...controller, thrown }
}
