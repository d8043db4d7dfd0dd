import type { OpenAiEval, OpenAiRun, OutputItem, RunCounts } from '../evals/openai/store.ts'

/** OpenAI's shapes; seconds since the epoch. */
export const evalJson = (one: OpenAiEval) => ({
  id: one.id,
  object: 'eval' as const,
  name: one.name,
  created_at: seconds(one.createdAtMs),
  data_source_config: { type: one.dataSourceConfig.type, schema: schemaOf(one) },
  testing_criteria: one.testingCriteria,
  metadata: one.metadata,
})

/** What rows look like to a grader: the item, and the answer to it where there is one. */
const schemaOf = ({ dataSourceConfig: { item_schema, include_sample_schema } }: OpenAiEval) => ({
  type: 'object',
  properties: {
    item: item_schema,
    ...(include_sample_schema ? { sample: { type: 'object', properties: { output_text: { type: 'string' } } } } : {}),
  },
  required: ['item', ...(include_sample_schema ? ['sample'] : [])],
})

export const runJson = (run: OpenAiRun, counts: RunCounts, base: string) => ({
  id: run.id,
  object: 'eval.run' as const,
  eval_id: run.evalId,
  name: run.name,
  created_at: seconds(run.createdAtMs),
  status: run.status,
  error: run.error,
  model: run.dataSource.type === 'jsonl' ? '' : run.dataSource.model,
  data_source: run.dataSource,
  metadata: run.metadata,
  report_url: `${base}/v1/evals/${run.evalId}/runs/${run.id}`,
  result_counts: { total: run.items, passed: counts.passed, failed: counts.failed, errored: counts.errored },
  per_testing_criteria_results: counts.criteria,
  per_model_usage: counts.usage,
})

export const outputItemJson = (one: OutputItem, run: OpenAiRun) => ({
  id: one.id,
  object: 'eval.run.output_item' as const,
  created_at: seconds(one.createdAtMs),
  eval_id: run.evalId,
  run_id: run.id,
  status: one.status,
  datasource_item_id: one.position,
  datasource_item: one.item,
  results: one.results,
  sample: one.sample,
})

const seconds = (ms: number): number => Math.floor(ms / 1000)
