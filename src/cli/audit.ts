import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Row = { at: string; actor: string; action: string; target: string; reason: string | null }

/** `weir audit`: who did what, and why. */
export const auditCommands = (program: Command, context: CliContext): void => {
  program
    .command('audit')
    .description('the newest admin actions: who did what to what, and why')
    .option('--actor <text>', 'only actors that this is a part of')
    .option('--action <name>', 'only this action, or all of a kind: key.revoke, or key')
    .option('--target <name>', 'only this target, or all of a kind')
    .option('--from <time>', 'ISO date, or date-time with offset; inclusive')
    .option('--to <time>', 'ISO date, or date-time with offset; exclusive')
    .option('--limit <n>', 'how many', '50')
    .option('--json', 'print JSON, with the hashes of each target before and after')
    .addHelpText('after', '\nExamples:\n  weir audit --action key --from 2026-11-01\n  weir audit --actor ada --json')
    .action(async ({ json, ...filter }: { json?: boolean } & Record<string, string>) => {
      const response = await context.request(`/admin/audit?${new URLSearchParams(filter)}`)
      const { data } = (await response.json()) as { data: Row[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((event) => [event.at, event.actor, event.action, event.target, event.reason])
      context.print(table(['AT', 'ACTOR', 'ACTION', 'TARGET', 'REASON'], rows))
    })
}
