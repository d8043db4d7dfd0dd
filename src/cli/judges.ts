import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Check = {
  route: string
  scorer: string
  judge: string
  status: string
  at: string
  answers: number
  mean_before: number | null
  mean_after: number | null
  difference: { mean: number; low: number; high: number; p: number } | null
  moved: boolean | null
}

/** `weir eval judges`: who judges live answers, and whether another judge scores alike. */
export const judgesCommand = (evals: Command, context: CliContext): void => {
  evals
    .command('judges')
    .description('who judges live answers since when, and whether another judge scored the same answers alike')
    .option('--route <name>', 'only this route')
    .option('--limit <n>', 'rows at most', '20')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir eval judges --route support')
    .action(async ({ route, limit, json }: { route?: string; limit: string; json?: boolean }) => {
      const query = new URLSearchParams({ limit, ...(route === undefined ? {} : { route }) })
      const { data } = (await (await context.request(`/admin/evals/judges?${query}`)).json()) as { data: Check[] }
      if (json) return context.print(JSON.stringify(data))
      if (data.length === 0) return context.print('no judge scores live answers: give a route scoring with a judge')
      const rows = data.map((check) => [check.at, check.route, check.scorer, check.judge, ...saidOf(check)])
      context.print(table(['SINCE', 'ROUTE', 'SCORER', 'JUDGE', 'ANSWERS', 'BEFORE', 'AFTER', 'DIFFERENCE', ''], rows))
    })
}

const saidOf = ({ status, answers, mean_before, mean_after, difference, moved }: Check): (string | number | null)[] => {
  if (status === 'pinned') return [null, null, null, null, 'the first judge']
  if (status === 'running') return [null, null, null, null, 'scores the earlier answers again, or was stopped']
  const digits = (value: number | null) => (value === null ? null : value.toFixed(3))
  const shift = difference && `${digits(difference.mean)} (${digits(difference.low)} to ${digits(difference.high)})`
  return [
    answers,
    digits(mean_before),
    digits(mean_after),
    shift,
    moved === null ? 'too few answers to tell' : moved ? 'judges otherwise' : 'judges alike',
  ]
}
