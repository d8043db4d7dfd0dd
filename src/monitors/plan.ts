import type { PiiOptions } from '../lib/pii.ts'
import type { Tag } from './signal.ts'

/** How a route is monitored, as `monitors` of `weir.yaml` says. */
export type MonitorPlan = {
  route: string
  /** Whole minutes of traffic, or as many whole minutes as hold so many requests. */
  window: { minutes: number } | { requests: number }
  /** Compares with the same hour of the day, and its neighbours, of the reference. */
  likeHours: boolean
  /** Values that both sides of a comparison need. */
  minSamples: number
  /** Share of false findings among those called drift, over the signals of a window. */
  alpha: number
  /** Windows in a row that must have drifted before anybody is told. */
  consecutive: number
  /** How long traces may take to arrive. */
  latenessMs: number
  /** Makes the first reference of a variant out of its first so many requests. */
  autoReference: number | null
  /** The embedding model for prompts; null: prompts are not embedded. */
  embedder: string | null
  /** What is taken out of texts that reports show; null: they show none. */
  examples: PiiOptions | null
  signals: { readonly [name: string]: SignalSettings }
  actions: readonly Action[]
  golden: GoldenPlan | null
}

export type SignalSettings = { enabled: boolean; detector?: string | undefined; effectFloor?: number | undefined }

/** What is done beside opening the alert. */
export type Action = { on: readonly Tag[] } & (
  | { do: 'webhook' | 'retrain'; url: string; secret: string | null }
  | { do: 'hold_rollout' }
  | { do: 'run_eval'; suite: string }
)

/** Requests that are asked again and again of the variant that most subjects get. */
export type GoldenPlan = { file: string; everyMs: number; embedder: string | null; tolerance: number }
