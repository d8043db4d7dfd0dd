import { type Command, Option } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Row = {
  group: string | null
  requests: number
  cache_hits: number
  prompt_tokens: number
  completion_tokens: number
  cached_tokens: number
  cost_usd: number | null
  unknown_cost: number
}

/** `weir cost …`: what requests cost. */
export const costCommands = (program: Command, context: CliContext): void => {
  const cost = program.command('cost').description('see what requests cost')

  cost
    .command('report')
    .description('US dollars and tokens, summed; a cost that is not known is shown as unknown, never as zero')
    .addOption(
      new Option('--by <group>', 'one row for each')
        .choices(['organisation', 'tenant', 'key', 'route', 'variant', 'model', 'purpose', 'day'])
        .default('day'),
    )
    .option('--from <time>', 'ISO date, or date-time with offset; inclusive')
    .option('--to <time>', 'ISO date, or date-time with offset; exclusive')
    .option('--organisation <name>', 'only the projects of this organisation')
    .option('--tenant <name>', 'only this tenant')
    .option('--route <name>', 'only this route')
    .option('--model <name>', 'only this model')
    .option('--json', 'print JSON')
    .option('--csv', 'print comma-separated values')
    .addHelpText(
      'after',
      '\nExamples:\n  weir cost report --by tenant --from 2026-11-01\n  weir cost report --by model --route assistant --csv > cost.csv',
    )
    .action(async ({ json, csv, ...query }: { json?: boolean; csv?: boolean; by: string } & Record<string, string>) => {
      const response = await context.request(`/admin/cost?${new URLSearchParams(query)}`)
      const { data } = (await response.json()) as { data: Row[] }
      if (json) return context.print(JSON.stringify(data))
      if (csv) return context.print(csvOf(query.by, data))
      const rows = data.map((row) => [
        row.group,
        row.requests,
        row.cache_hits,
        row.prompt_tokens,
        row.completion_tokens,
        row.cost_usd === null ? 'unknown' : row.cost_usd.toFixed(6),
        row.unknown_cost,
      ])
      context.print(table([query.by.toUpperCase(), 'REQUESTS', 'CACHED', 'IN', 'OUT', 'USD', 'UNKNOWN COST'], rows))
    })
}

/** RFC 4180, with an empty field for what is not known. */
const csvOf = (by: string, rows: readonly Row[]): string => {
  const line = (cells: readonly unknown[]) => cells.map(csvField).join(',')
  return [line([by, ...columns]), ...rows.map((row) => line([row.group, ...columns.map((name) => row[name])]))].join('\r\n')
}

const columns = [
  'requests',
  'cache_hits',
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'cost_usd',
  'unknown_cost',
] as const satisfies (keyof Row)[]

/** A leading `=`, `+`, `-` or `@` is a formula to spreadsheets, and tenants choose their names: it gets a quote in front. */
const csvField = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
