import type { Command } from 'commander'
import type { CliContext } from './context.ts'

/** `weir cache …`: answers that are kept. */
export const cacheCommands = (program: Command, context: CliContext): void => {
  program
    .command('cache')
    .description('look after cached answers')
    .command('drop')
    .description('forget the cached answers of a route, on every replica')
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
