import type { Command } from 'commander'
import type { CliContext } from './context.ts'

export const configCommands = (program: Command, context: CliContext, check: (file: string | undefined) => Promise<string[]>): void => {
  const config = program.command('config').description('check the configuration file')
  config
    .command('check')
    .description('report every fault of the configuration with its line, without starting anything')
    .argument('[file]', 'default: WEIR_CONFIG or weir.yaml')
    .option('--json', 'print a summary as JSON')
    .addHelpText('after', '\nExamples:\n  weir config check\n  weir config check staging.yaml --json')
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      const summary = await check(file)
      context.print(options.json ? JSON.stringify({ ok: true, summary }) : summary.join('\n'))
    })
}
