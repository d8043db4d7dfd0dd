import type { WeirConfig } from '../config/schema.ts'
import type { Experiment } from '../rollout/report.ts'

/** The routes whose variants share traffic, in the words of the reports. */
export const experimentsOf = (config: WeirConfig): Experiment[] =>
  Object.entries(config.routes).flatMap(([route, { variants, experiment }]) => {
    const [first, second] = variants
    if (!first || !second) return []
    return {
      route,
      variants: variants.map(({ name, weight_percent }) => ({ name, weightPercent: weight_percent })),
      control: experiment?.control ?? first.name,
      primaryMetric: experiment?.primary_metric,
      horizonSubjects: experiment?.horizon_subjects,
    }
  })
