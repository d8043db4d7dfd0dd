import { and, desc, eq, inArray } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { monitorFindings, monitorWindows } from '../db/schema/monitors.ts'
import { uuidv7 } from '../lib/ids.ts'
import { addEvent, isSilenced, listSilences, liveAlert, openAlert, resolveAlert } from './alerts.ts'
import { compareWindow, isBetter, type SignalFinding } from './compare.ts'
import { countRequests, readDistributions, type Stretch } from './distribution.ts'
import type { MonitorPlan } from './plan.ts'
import { type Reference, referenceSignals } from './reference.ts'
import type { Signal } from './signal.ts'

export type Evaluated = { windowId: string; findings: (SignalFinding & { alarm: boolean })[]; opened: string[]; resolved: string[] }

export type ComparedWindow = { window: Stretch; requests: number; findings: SignalFinding[] }

/** A window beside its reference. Reads only; outside of any transaction, for detectors take their time. */
export const compareWithReference = async (
  db: Database,
  plan: MonitorPlan,
  wanted: readonly Signal[],
  reference: Reference,
  window: Stretch,
): Promise<ComparedWindow> => {
  const before = await referenceSignals(db, reference.id)
  const now = await readDistributions(db, window, wanted)
  return { window, requests: await countRequests(db, window), findings: await compareWindow(plan, wanted, before, now, hoursOf(window)) }
}

/** Keeps what a window showed, and opens and resolves alerts: all of it or nothing, within `tx`. */
export const recordWindow = async (
  tx: Database,
  plan: MonitorPlan,
  wanted: readonly Signal[],
  reference: Reference,
  { window, requests, findings }: ComparedWindow,
  nowMs: number,
): Promise<Evaluated> => {
  const history = await recentFindings(tx, wanted, reference.id, plan.consecutive)
  const windowId = uuidv7()
  const judged = findings.map((one) => ({
    ...one,
    alarm: isWorse(one) && worseBefore(history.get(one.signal) ?? [], plan.consecutive - 1),
  }))
  const { route, variant, variantHash, id: referenceId } = reference
  const { fromMs, toMs } = window
  await tx.insert(monitorWindows).values({ id: windowId, route, variant, variantHash, referenceId, fromMs, toMs, requests, atMs: nowMs })
  if (judged.length > 0) await tx.insert(monitorFindings).values(judged.map((one) => ({ windowId, ...findingRow(one) })))
  return { windowId, findings: judged, ...(await tellPeople(tx, plan, reference, windowId, judged, history, nowMs)) }
}

/** An improvement wakes nobody, and ends what was worse. */
const isWorse = ({ drifted, improved }: { drifted: boolean; improved: boolean }): boolean => drifted && !improved

/**
 * Whether a signal was worse in the windows before, the newest first, those that had too little data left out: they say neither yes nor no.
 */
type History = ReadonlyMap<string, boolean[]>

const recentFindings = async (tx: Database, wanted: readonly Signal[], referenceId: string, consecutive: number): Promise<History> => {
  const windows = await tx
    .select({ id: monitorWindows.id })
    .from(monitorWindows)
    .where(eq(monitorWindows.referenceId, referenceId))
    .orderBy(desc(monitorWindows.fromMs))
    .limit(consecutive * 4)
  if (windows.length === 0) return new Map()
  const place = new Map(windows.map(({ id }, index) => [id, index]))
  const rows = await tx
    .select()
    .from(monitorFindings)
    .where(and(inArray(monitorFindings.windowId, [...place.keys()]), eq(monitorFindings.outcome, 'compared')))
  rows.sort((left, right) => (place.get(left.windowId) ?? 0) - (place.get(right.windowId) ?? 0))
  const history = new Map<string, boolean[]>()
  for (const row of rows) {
    history.set(row.signal, [...(history.get(row.signal) ?? []), isWorse({ drifted: row.drifted, improved: isBetter(wanted, row) })])
  }
  return history
}

const worseBefore = (history: readonly boolean[], windows: number): boolean =>
  history.length >= windows && history.slice(0, windows).every((worse) => worse)

const quietBefore = (history: readonly boolean[], windows: number): boolean =>
  history.length >= windows && history.slice(0, windows).every((worse) => !worse)

const tellPeople = async (
  tx: Database,
  plan: MonitorPlan,
  { route, variant, variantHash }: Reference,
  windowId: string,
  judged: Evaluated['findings'],
  history: History,
  nowMs: number,
): Promise<Pick<Evaluated, 'opened' | 'resolved'>> => {
  const silences = await listSilences(tx, nowMs)
  const opened: string[] = []
  const resolved: string[] = []
  const by = { actor: 'monitor', note: null, nowMs }
  for (const one of judged) {
    const { signal, tag, finding, alarm } = one
    if (finding.outcome !== 'compared') continue
    const detail = { window: windowId, effect: finding.effect, effect_name: finding.effectName, adjusted_p: one.adjustedP }
    if (alarm && !isSilenced(silences, route, signal, nowMs)) {
      const alert = await openAlert(tx, { route, variant, variantHash, signal, tag, windowId }, { ...by, detail })
      if (alert) opened.push(signal)
    } else if (!isWorse(one)) {
      const live = await liveAlert(tx, route, variantHash, signal)
      if (live === undefined) continue
      if (quietBefore(history.get(signal) ?? [], plan.consecutive - 1)) {
        await resolveAlert(tx, live.id, { ...by, note: `no drift for the worse in ${plan.consecutive} windows` })
        resolved.push(signal)
      } else await addEvent(tx, live.id, 'quiet', { ...by, detail })
    }
  }
  return { opened, resolved }
}

const findingRow = ({
  signal,
  tag,
  finding,
  adjustedP,
  referenceLevel,
  windowLevel,
  referenceN,
  windowN,
  drifted,
  alarm,
}: Evaluated['findings'][number]) => {
  const sides = { signal, tag, referenceLevel, windowLevel, referenceN, windowN, drifted, alarm }
  if (finding.outcome === 'not-enough-data') return { ...sides, outcome: finding.outcome, reason: finding.reason }
  const { outcome, detector, statistic, pValue, effect, effectName } = finding
  return { ...sides, outcome, detector, statistic, pValue, adjustedP, effect, effectName }
}

const hoursOf = ({ fromMs, toMs }: Stretch): Set<number> => {
  const hours = new Set<number>()
  for (let at = fromMs; at < toMs && hours.size < 24; at += 60_000) hours.add(new Date(at).getUTCHours())
  return hours
}
