import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { AppError, type ErrorCode, retryable } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { ndjson } from './ingest-lines.ts'
import { table } from './table.ts'
import { readYaml } from './yaml-file.ts'

type Quantiles = { median: number; p90: number; max: number } | null
type Result = {
  candidate_rate: number
  runs: number
  rolled_back: number
  promoted: number
  held: number
  undecided: number
  rollback_share: number
  requests_to_rollback: Quantiles
  requests_to_promotion: Quantiles
  mean_added_failures: number
}
type Line =
  | { type: 'progress'; done: number; total: number }
  | { type: 'error'; code: string; message: string }
  | ({ type: 'done' } & Result)

/** `weir rollouts simulate`: what a plan would do, before anybody is subject to it. */
export const simulateCommand = (rollouts: Command, context: CliContext): void => {
  rollouts
    .command('simulate')
    .description('play a plan against failure rates: how often it rolls back wrongly, and how soon rightly')
    .argument('[route]', 'the route whose plan is played (default: the usual plan)')
    .option('--plan <file>', 'YAML or JSON as under routes.<name>.rollout')
    .option('--control-rate <share>', 'share of requests that fail on the stable variant', share, 0.02)
    .option('--candidate-rate <shares...>', 'share that fail on the candidate, one or several (default: as many, twice and four times)')
    .option('--runs <n>', 'how often each is played', '600')
    .option('--requests <n>', 'requests of a run at most (default: three times what the durations of the plan take)')
    .option('--rps <n>', 'requests per second of the route: decides what the durations of the steps mean', '10')
    .option('--cached', 'the route caches answers, so that the candidate is compared with the control alone')
    .option('--seed <n>', 'the same seed plays the same runs', '1')
    .option('--json', 'print JSON, a line for each rate')
    .addHelpText(
      'after',
      '\nExamples:\n  weir rollouts simulate support\n  weir rollouts simulate --control-rate 0.02 --candidate-rate 0.02 0.05 0.08 --runs 2000\n  weir rollouts simulate --plan careful.yaml --rps 2 --json',
    )
    .action(async (route: string | undefined, options: Options) => {
      const given = ([] as string[]).concat(options.candidateRate ?? []).map(share)
      const rates =
        given.length > 0 ? given : [options.controlRate, Math.min(1, options.controlRate * 2), Math.min(1, options.controlRate * 4)]
      const plan = options.plan === undefined ? undefined : await readYaml(context, options.plan)
      const results: Result[] = []
      for (const rate of rates) {
        const response = await context.request('/admin/rollouts/simulate', {
          method: 'POST',
          json: {
            ...(route === undefined ? {} : { route }),
            ...(plan === undefined ? {} : { plan }),
            control_rate: options.controlRate,
            candidate_rate: rate,
            runs: number('runs', options.runs),
            ...(options.requests === undefined ? {} : { requests: number('requests', options.requests) }),
            requests_per_second: number('rps', options.rps),
            cached: options.cached ?? false,
            seed: number('seed', options.seed),
          },
        })
        const result = await follow(context, response, rate)
        results.push(result)
        if (options.json) context.print(JSON.stringify(result))
      }
      if (!options.json) context.print(report(options.controlRate, results))
    })
}

type Options = {
  plan?: string
  controlRate: number
  candidateRate?: string[]
  runs: string
  requests?: string
  rps: string
  cached?: boolean
  seed: string
  json?: boolean
}

const follow = async (context: CliContext, response: Response, rate: number): Promise<Result> => {
  const bar = context.interactive
    ? new SingleBar({ format: `{bar} {value} of {total} runs at ${percent(rate)}`, stream: process.stderr })
    : undefined
  try {
    for await (const one of ndjson(response)) {
      const line = one as unknown as Line
      if (line.type === 'done') return line
      if (line.type === 'error')
        throw new AppError(Object.hasOwn(retryable, line.code) ? (line.code as ErrorCode) : 'internal', line.message)
      if (bar?.isActive === false) bar.start(line.total, line.done)
      bar?.update(line.done)
    }
  } finally {
    bar?.stop()
  }
  throw new AppError('unavailable', 'the server stopped before the simulation was done')
}

const report = (controlRate: number, results: readonly Result[]): string => {
  const rows = results.map((one) => [
    percent(one.candidate_rate),
    percent(one.rollback_share),
    one.requests_to_rollback?.median,
    one.requests_to_rollback?.p90,
    percent(one.promoted / one.runs),
    one.requests_to_promotion?.median,
    percent((one.held + one.undecided) / one.runs),
    one.mean_added_failures.toFixed(1),
  ])
  const same = results.find(({ candidate_rate }) => candidate_rate === controlRate)
  return [
    table(
      ['CANDIDATE FAILS', 'ROLLED BACK', 'REQUESTS, MEDIAN', 'IN 9 OF 10', 'PROMOTED', 'REQUESTS, MEDIAN', 'NEITHER', 'FAILURES ADDED'],
      rows,
    ),
    `The stable variant fails ${percent(controlRate)} of requests; ${results[0]?.runs} runs each.`,
    ...(same ? [`False rollbacks, where both fail alike: ${percent(same.rollback_share)}.`] : []),
  ].join('\n\n')
}

const percent = (value: number): string => `${Number((value * 100).toFixed(1))} %`

const share = (text: string): number => {
  const value = Number(text)
  if (text !== '' && value >= 0 && value <= 1) return value
  throw new AppError('invalid_request', `${text} is no share between 0 and 1`)
}

const number = (name: string, text: string): number => {
  const value = Number(text)
  if (text !== '' && Number.isFinite(value)) return value
  throw new AppError('invalid_request', `--${name} takes a number, not ${text}`)
}
