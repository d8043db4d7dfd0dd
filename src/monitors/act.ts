import type { Database } from '../db/database.ts'
import type { Clock } from '../lib/clock.ts'
import { toAppError } from '../lib/errors.ts'
import { postWebhook } from '../lib/webhook.ts'
import { type Alert, addEvent, alertEvents, markActed, takeUnacted } from './alerts.ts'
import type { Action, MonitorPlan } from './plan.ts'

export type ActDeps = {
  db: Database
  clock: Clock
  /** Resolves to what was held, in words. */
  holdRollout: (route: string, reason: string) => Promise<string>
  /** Starts a suite on a variant; resolves to the run, in words, once it has begun. */
  runEval: (suite: string, variant: string) => Promise<string>
}

/**
 * Carries out what the plan says on new alerts. One that fails is tried again later, those that worked are not; what became of each is an
 * event of the alert. A replica that dies while it acts leaves the alert to another.
 */
export const actOnAlerts = async (deps: ActDeps, plan: MonitorPlan, signal: AbortSignal): Promise<void> => {
  const { db, clock } = deps
  while (!signal.aborted) {
    const alert = await takeUnacted(db, plan.route, clock(), leaseMs)
    if (alert === undefined) return
    const actions = plan.actions.flatMap((action, index) => (action.on.includes(alert.tag) ? [{ action, index }] : []))
    const done = (await alertEvents(db, alert.id)).flatMap(({ kind, detail }) => (kind === 'action' ? [detail as ActionEvent] : []))
    let failed = false
    for (const { action, index } of actions) {
      if (done.some((event) => event.action === index && event.ok)) continue
      const event = await attempt(deps, action, alert, signal).then(
        (note) => ({ ok: true, note }),
        (error: unknown) => ({ ok: false, note: messageOf(error) }),
      )
      failed ||= !event.ok
      const detail: ActionEvent = { action: index, do: action.do, ok: event.ok }
      await addEvent(db, alert.id, 'action', { actor: 'monitor', note: event.note, nowMs: clock(), detail })
    }
    const rounds = Math.max(0, ...actions.map(({ index }) => done.filter(({ action }) => action === index).length)) + 1
    if (!failed || rounds >= mostRounds) await markActed(db, alert.id, clock())
  }
}

type ActionEvent = { action: number; do: Action['do']; ok: boolean }

const attempt = async ({ holdRollout, runEval }: ActDeps, action: Action, alert: Alert, signal: AbortSignal): Promise<string> => {
  switch (action.do) {
    case 'hold_rollout':
      return holdRollout(alert.route, `monitor: ${alert.signal} of '${alert.variant}' drifted (alert ${alert.id})`)
    case 'run_eval':
      return runEval(action.suite, alert.variant)
    case 'webhook':
    case 'retrain': {
      const { id, route, variant, variantHash, tag } = alert
      const body = {
        ...{ type: action.do === 'retrain' ? 'monitor.retrain' : 'monitor.alert', id, route, variant, variant_hash: variantHash },
        ...{ signal: alert.signal, tag, opened_at: new Date(alert.openedAtMs).toISOString() },
      }
      await postWebhook({ url: action.url, body, secret: action.secret, what: `the webhook of the monitor of '${route}'`, signal })
      return `told ${new URL(action.url).host}`
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error && !('code' in error) ? error.message : toAppError(error).message)

const leaseMs = 2 * 60_000
const mostRounds = 5
