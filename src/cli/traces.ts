import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Row = {
  id: string
  started_at: string
  status: string
  error_code: string | null
  route: string
  variant: string | null
  model: string | null
  prompt_tokens: number | null
  completion_tokens: number | null
  latency_ms: number
}

type Options = { json?: boolean; errorCode?: string; escalated?: boolean } & { [filter: string]: string }

/** `weir traces …`: what requests did. */
export const traceCommands = (program: Command, context: CliContext): void => {
  const traces = program.command('traces').description('look at what requests did')

  traces
    .command('list')
    .description('the newest requests')
    .option('--route <name>', 'only this route')
    .option('--variant <name>', 'only this variant of the route')
    .option('--arm <arm>', 'of a rollout: candidate or control')
    .option('--rule <name>', 'only what this rule of the route decided')
    .option('--escalated', 'only where a larger model was asked because an answer was in doubt')
    .option('--status <status>', 'ok, error or aborted')
    .option('--error-code <code>', 'such as timeout or rate_limited')
    .option('--model <name>', 'only this model')
    .option('--from <time>', 'ISO date-time with offset, such as 2026-11-22T08:00:00Z')
    .option('--to <time>', 'ISO date-time with offset')
    .option('--limit <n>', 'how many', '20')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir traces list --status error\n  weir traces list --route assistant --escalated --limit 5 --json',
    )
    .action(async ({ json, errorCode, escalated, ...same }: Options) => {
      const filter = { ...same, ...(errorCode ? { error_code: errorCode } : {}), ...(escalated ? { escalated: 'true' } : {}) }
      const response = await context.request(`/admin/traces?${new URLSearchParams(filter)}`)
      const { data } = (await response.json()) as { data: Row[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((row) => [
        row.started_at,
        row.id,
        row.error_code ? `${row.status} ${row.error_code}` : row.status,
        row.variant ? `${row.route}/${row.variant}` : row.route,
        row.model,
        row.prompt_tokens,
        row.completion_tokens,
        row.latency_ms.toFixed(1),
      ])
      context.print(table(['STARTED', 'ID', 'STATUS', 'ROUTE', 'MODEL', 'IN', 'OUT', 'MS'], rows))
    })

  traces
    .command('show')
    .description('one request with what was asked and answered')
    .argument('<id>', 'the x-request-id of the response')
    .addHelpText('after', '\nExample:\n  weir traces show 0198c1a2-…')
    .action(async (id: string) => {
      const response = await context.request(`/admin/traces/${encodeURIComponent(id)}`)
      context.print(JSON.stringify(await response.json(), null, 2))
    })
}
