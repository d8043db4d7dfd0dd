import type { MonitorSettings } from '../config/monitors.ts'
import type { WeirConfig } from '../config/schema.ts'
import type { MonitorPlan } from '../monitors/plan.ts'

/** What the configuration says of monitored routes, in the words of the monitors. */
export const monitorPlans = (config: WeirConfig): MonitorPlan[] =>
  Object.entries(config.monitors).map(([route, settings]) => planOf(route, settings))

const planOf = (route: string, settings: MonitorSettings): MonitorPlan => {
  const { window, golden, actions } = settings
  return {
    route,
    window: window.requests === undefined ? { minutes: window.minutes as number } : { requests: window.requests },
    likeHours: settings.like_hours,
    minSamples: settings.min_samples,
    alpha: settings.alpha,
    consecutive: settings.consecutive_windows,
    latenessMs: settings.lateness_s * 1000,
    autoReference: settings.auto_reference_requests ?? null,
    embedder: settings.embedder ?? null,
    examples: settings.examples === 'off' ? null : { kinds: settings.examples.redact, country: settings.examples.country },
    signals: Object.fromEntries(
      Object.entries(settings.signals).map(([name, { enabled, detector, effect_floor }]) => [
        name,
        { enabled, detector, effectFloor: effect_floor },
      ]),
    ),
    actions: actions.map((action) =>
      action.do === 'webhook' || action.do === 'retrain' ? { ...action, secret: action.secret ?? null } : action,
    ),
    golden: golden
      ? { file: golden.file, everyMs: golden.every_hours * 3_600_000, embedder: golden.embedder ?? null, tolerance: golden.tolerance }
      : null,
  }
}
