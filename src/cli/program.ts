import { Command } from 'commander'
import { auditCommands } from './audit.ts'
import { cacheCommands } from './cache.ts'
import { collectionCommands } from './collections.ts'
import { configCommands } from './config.ts'
import type { CliContext } from './context.ts'
import { costCommands } from './cost.ts'
import { datasetCommands } from './datasets.ts'
import { driftCommands } from './drift.ts'
import { evalCommands } from './evals.ts'
import { experimentCommands } from './experiments.ts'
import { ingestCommands } from './ingest.ts'
import { keyCommands } from './keys.ts'
import { modelCommands } from './models.ts'
import { projectCommands } from './projects.ts'
import { promptCommands } from './prompts.ts'
import { rolloutCommands } from './rollouts.ts'
import { routeCommands } from './routes.ts'
import { traceCommands } from './traces.ts'

export type Serve = (options: { port?: number; host?: string; config?: string }) => Promise<void>

/** The `weir` command with every subcommand. Parsing errors throw commander's CommanderError. */
export const createProgram = (
  context: CliContext,
  actions: { serve: Serve; checkConfig: (file: string | undefined) => Promise<string[]> },
): Command => {
  const program = new Command('weir')
    .description('One server that runs local models, retrieves, versions, routes, measures and decides.')
    .version('0.1.0')
    .showHelpAfterError('(weir --help shows every command)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  weir up                                   serve on http://127.0.0.1:8484
  weir up --port 9000 --host 0.0.0.0        serve other machines (create a key first)
  weir config check                         check weir.yaml without starting
  weir keys create --name ci --scope inference
  WEIR_URL=https://weir.example WEIR_ADMIN_KEY=… weir keys list --json`,
    )

  program
    .command('up')
    .alias('serve')
    .description('start the server')
    .option('-p, --port <number>', 'port to listen on (default: PORT or 8484)', wholeNumber)
    .option('--host <address>', 'address to bind to (default: HOST or 127.0.0.1)')
    .option('-c, --config <file>', 'configuration file (default: WEIR_CONFIG or weir.yaml)')
    .action(actions.serve)

  configCommands(program, context, actions.checkConfig)
  auditCommands(program, context)
  cacheCommands(program, context)
  costCommands(program, context)
  routeCommands(program, context)
  rolloutCommands(program, context)
  evalCommands(program, context)
  datasetCommands(program, context)
  experimentCommands(program, context)
  driftCommands(program, context)
  keyCommands(program, context)
  projectCommands(program, context)
  traceCommands(program, context)
  modelCommands(program, context)
  promptCommands(program, context)
  ingestCommands(program, context)
  collectionCommands(program, context)
  return program
}

const wholeNumber = (text: string): number => {
  if (!/^\d{1,5}$/.test(text)) throw new Error(`${text} is not a port number`)
  return Number(text)
}
