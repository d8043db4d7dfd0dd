import type { Alert, AlertEvent, Silence } from './alerts.ts'
import { sizeOf } from './compare.ts'
import type { Distribution } from './distribution.ts'
import type { GoldenReport } from './golden-report.ts'
import type { Reference } from './reference.ts'
import type { Replay } from './replay-store.ts'
import type { FindingRow, VariantReport, VariantStatus, WindowRow } from './report.ts'

export const referenceJson = (reference: Reference) => ({
  id: reference.id,
  object: 'monitor.reference' as const,
  route: reference.route,
  variant: reference.variant,
  variant_hash: reference.variantHash,
  version: reference.version,
  from: iso(reference.fromMs),
  to: iso(reference.toMs),
  requests: reference.requests,
  created_by: reference.createdBy,
  reason: reference.reason,
  created_at: iso(reference.createdAtMs),
})

export const referenceSignalsJson = (signals: ReadonlyMap<string, Distribution>) =>
  [...signals].map(([signal, distribution]) => ({ signal, kind: distribution.kind, n: distribution.n, kept: sizeOf(distribution) }))

const windowJson = ({ id, fromMs, toMs, requests }: WindowRow) => ({ id, from: iso(fromMs), to: iso(toMs), requests })

const findingJson = (finding: FindingRow) => ({
  signal: finding.signal,
  tag: finding.tag,
  outcome: finding.outcome,
  reason: finding.reason,
  detector: finding.detector,
  statistic: finding.statistic,
  p_value: finding.pValue,
  adjusted_p: finding.adjustedP,
  effect: finding.effect,
  effect_name: finding.effectName,
  reference_level: finding.referenceLevel,
  window_level: finding.windowLevel,
  reference_n: finding.referenceN,
  window_n: finding.windowN,
  drifted: finding.drifted,
  alarm: finding.alarm,
})

export const alertJson = (alert: Alert) => ({
  id: alert.id,
  object: 'monitor.alert' as const,
  route: alert.route,
  variant: alert.variant,
  variant_hash: alert.variantHash,
  signal: alert.signal,
  tag: alert.tag,
  state: alert.state,
  owner: alert.owner,
  opened_at: iso(alert.openedAtMs),
  acted_at: alert.actedAtMs === null ? null : iso(alert.actedAtMs),
})

export const alertEventJson = ({ kind, actor, note, detail, atMs }: AlertEvent) => ({ kind, actor, note, detail, at: iso(atMs) })

export const silenceJson = ({ id, route, signal, fromMs, toMs, actor, reason }: Silence) => ({
  ...{ id, route, signal, from: iso(fromMs), to: iso(toMs), actor, reason },
})

export const replayJson = (replay: Replay) => ({
  id: replay.id,
  object: 'monitor.replay' as const,
  route: replay.route,
  variant: replay.variant,
  variant_hash: replay.variantHash,
  status: replay.status,
  baseline: replay.baselineId,
  actor: replay.actor,
  reason: replay.reason,
  cases: replay.cases,
  answered: replay.answered,
  exact_share: replay.exactShare,
  similarity: replay.similarity,
  baseline_similarity: replay.baselineSimilarity,
  p_value: replay.pValue,
  moved: replay.moved,
  error: replay.error,
  known_models: replay.knownModels,
  started_at: iso(replay.startedAtMs),
})

const goldenJson = ({ state, replays, changed }: GoldenReport) => ({
  state,
  replays: replays.map(replayJson),
  changed: changed.map(({ caseId, ...one }) => ({ case: caseId, ...one })),
})

export const statusJson = (route: string, { reference, window, findings, alerts, golden, verdict }: VariantStatus) => ({
  object: 'monitor.status' as const,
  route,
  variant: reference.variant,
  variant_hash: reference.variantHash,
  verdict,
  reference: referenceJson(reference),
  window: window && windowJson(window),
  findings: findings.map(findingJson),
  alerts: alerts.map(alertJson),
  golden: goldenJson(golden),
})

export const variantReportJson = (route: string, report: VariantReport) => ({
  ...statusJson(route, report),
  timeline: report.timeline.map(({ window, findings }) => ({
    ...windowJson(window),
    signals: findings.map(({ signal, tag, outcome, effect, drifted, alarm }) => ({ signal, tag, outcome, effect, drifted, alarm })),
  })),
  estimated: report.estimated.map(({ metric, labelled, answers, found }) => ({
    metric,
    labelled,
    answers,
    accuracy: found.outcome === 'estimated' ? found.estimate.accuracy : null,
    reference_accuracy: found.outcome === 'estimated' ? found.reference.accuracy : null,
    standard_error: found.outcome === 'estimated' ? found.standardError.accuracy : null,
    reason: found.outcome === 'estimated' ? null : found.reason,
  })),
  drifting: report.drifting.map(({ signal, bins, examples }) => ({
    signal,
    bins,
    examples: examples.map(({ traceId, atMs, value, asked, answered }) => ({ trace: traceId, at: iso(atMs), value, asked, answered })),
  })),
})

export type ReferenceJson = ReturnType<typeof referenceJson>
export type AlertJson = ReturnType<typeof alertJson>
export type AlertEventJson = ReturnType<typeof alertEventJson>
export type ReplayJson = ReturnType<typeof replayJson>
export type SilenceJson = ReturnType<typeof silenceJson>
export type StatusJson = ReturnType<typeof statusJson>
export type VariantReportJson = ReturnType<typeof variantReportJson>

const iso = (ms: number) => new Date(ms).toISOString()

export type MonitorReportJson = { object: 'monitor.report'; route: string; at: string; data: VariantReportJson[] }
