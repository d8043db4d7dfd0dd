import { desc, eq, inArray } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { monitorFindings, monitorWindows } from '../db/schema/monitors.ts'
import type { Metrics } from '../feedback/metric.ts'
import type { PiiOptions } from '../lib/pii.ts'
import { type Alert, listAlerts } from './alerts.ts'
import { newestReferences } from './controller.ts'
import { readDistributions } from './distribution.ts'
import { type EstimatedAccuracy, estimateAccuracy } from './estimated.ts'
import { type Example, examplesOf } from './examples.ts'
import { type GoldenReport, readGolden } from './golden-report.ts'
import { type Bins, binsOf } from './plot-bins.ts'
import { type Reference, referenceSignals } from './reference.ts'
import type { Signal } from './signal.ts'
import { type Verdict, verdictOf } from './verdict.ts'

export type WindowRow = typeof monitorWindows.$inferSelect
export type FindingRow = typeof monitorFindings.$inferSelect

export type VariantStatus = {
  reference: Reference
  /** The newest; null before the first has ended. */
  window: WindowRow | null
  findings: FindingRow[]
  alerts: Alert[]
  golden: GoldenReport
  verdict: Verdict
}

export type VariantReport = VariantStatus & {
  /** Of the newest windows, oldest first. */
  timeline: { window: WindowRow; findings: FindingRow[] }[]
  /** Of the newest window, where answers give probabilities and a reference has labels. */
  estimated: EstimatedAccuracy[]
  /** Of the signals that drift. */
  drifting: { signal: string; bins: Bins; examples: Example[] }[]
}

/** How every variant of a route that has a reference stands; the newest reference first. */
export const readStatus = async (db: Database, route: string): Promise<VariantStatus[]> =>
  Promise.all(
    (await newestReferences(db, route)).map(async (reference) => {
      const [newest] = await timelineOf(db, reference, 1)
      return statusOf(db, reference, newest, null)
    }),
  )

/** The status with what is behind it. `wanted`: the signals of this server. */
export const readReport = async (
  db: Database,
  route: string,
  {
    wanted,
    texts,
    metrics = {},
    windows = 48,
  }: { wanted: readonly Signal[]; texts: PiiOptions | null; metrics?: Metrics; windows?: number },
): Promise<VariantReport[]> => {
  const reports: VariantReport[] = []
  for (const reference of await newestReferences(db, route)) {
    const timeline = await timelineOf(db, reference, windows)
    const status = await statusOf(db, reference, timeline.at(-1), texts)
    const estimated = await estimatedOf(db, reference, status, metrics)
    reports.push({ ...status, timeline, estimated, drifting: await driftingOf(db, reference, status, wanted, texts) })
  }
  return reports
}

const estimatedOf = async (
  db: Database,
  reference: Reference,
  { window }: VariantStatus,
  metrics: Metrics,
): Promise<EstimatedAccuracy[]> => {
  if (window === null) return []
  const found: EstimatedAccuracy[] = []
  for (const [name, metric] of Object.entries(metrics)) {
    const one = metric.type === 'label' ? await estimateAccuracy(db, reference, window, { name, ...metric }) : undefined
    if (one) found.push(one)
  }
  return found
}

const timelineOf = async (db: Database, { id }: Reference, most: number): Promise<VariantReport['timeline']> => {
  const windows = await db
    .select()
    .from(monitorWindows)
    .where(eq(monitorWindows.referenceId, id))
    .orderBy(desc(monitorWindows.fromMs))
    .limit(most)
  if (windows.length === 0) return []
  const findings = await db
    .select()
    .from(monitorFindings)
    .where(
      inArray(
        monitorFindings.windowId,
        windows.map((window) => window.id),
      ),
    )
  return windows.reverse().map((window) => ({ window, findings: findings.filter(({ windowId }) => windowId === window.id) }))
}

const statusOf = async (
  db: Database,
  reference: Reference,
  newest: VariantReport['timeline'][number] | undefined,
  texts: PiiOptions | null,
): Promise<VariantStatus> => {
  const live = await listAlerts(db, { route: reference.route, states: ['open', 'acknowledged'], limit: 100 })
  const alerts = live.filter(({ variantHash }) => variantHash === reference.variantHash)
  const golden = await readGolden(db, reference.route, reference.variantHash, texts)
  const drifting = new Set(alerts.map(({ tag }) => tag))
  const verdict: Verdict =
    newest === undefined
      ? { kind: 'no_window', text: 'No window has ended since the reference was made.' }
      : verdictOf(drifting, golden.state)
  return { reference, window: newest?.window ?? null, findings: newest?.findings ?? [], alerts, golden, verdict }
}

const driftingOf = async (
  db: Database,
  reference: Reference,
  { window, findings }: VariantStatus,
  wanted: readonly Signal[],
  texts: PiiOptions | null,
): Promise<VariantReport['drifting']> => {
  const drifted = findings.filter((finding) => finding.drifted)
  if (window === null || drifted.length === 0) return []
  const signals = wanted.filter(({ name }) => drifted.some(({ signal }) => signal === name))
  const before = await referenceSignals(db, reference.id)
  const now = await readDistributions(db, window, signals)
  return Promise.all(
    signals.map(async (signal) => {
      const [was, is] = [before.get(signal.name), now.get(signal.name)]
      const finding = drifted.find((one) => one.signal === signal.name)
      const rose = (finding?.windowLevel ?? 0) >= (finding?.referenceLevel ?? 0)
      const examples = await examplesOf(db, window, signal, was, is, { rose, texts })
      return { signal: signal.name, bins: binsOf(was, is, signal.log ?? false), examples }
    }),
  )
}
