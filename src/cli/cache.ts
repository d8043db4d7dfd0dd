import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Stats = {
  route: string
  variant: string
  semantic_hits: number
  checked: number
  wrong: number
  wrong_percent: number | null
  disabled_at: string | null
}

/** `weir cache …`: answers that are kept. */
export const cacheCommands = (program: Command, context: CliContext): void => {
  const cache = program.command('cache').description('look after cached answers')

  cache
    .command('stats')
    .description('how many semantic hits were checked, and how many of them the model answered otherwise')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir cache stats')
    .action(async (options: { json?: boolean }) => {
      const { data } = (await (await context.request('/admin/cache')).json()) as { data: Stats[] }
      if (options.json) return context.print(JSON.stringify(data))
      const rows = data.map(({ route, variant, semantic_hits, checked, wrong, wrong_percent, disabled_at }) => [
        `${route}/${variant}`,
        semantic_hits,
        checked,
        wrong,
        wrong_percent === null ? 'unknown' : `${wrong_percent.toFixed(1)} %`,
        disabled_at === null ? 'on' : `off since ${disabled_at}`,
      ])
      context.print(table(['VARIANT', 'SEMANTIC HITS', 'CHECKED', 'WRONG', 'SHARE', 'STATE'], rows))
    })

  cache
    .command('drop')
    .description('forget the cached answers of a route, on every replica; a semantic cache that was switched off is on again')
    .argument('<route>')
    .option('--variant <name>', 'only those of this variant')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nExample:\n  weir cache drop assistant --variant b --reason "wrong answers after the index moved"')
    .action(async (route: string, options: { variant?: string; reason: string }) => {
      const response = await context.request('/admin/cache/drop', { method: 'POST', json: { route, ...options } })
      const { data } = (await response.json()) as { data: { variant: string; variant_hash: string }[] }
      for (const { variant, variant_hash } of data) context.print(`dropped ${route}/${variant} (${variant_hash.slice(0, 12)})`)
    })
}
