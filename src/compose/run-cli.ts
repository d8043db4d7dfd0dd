import { userInfo } from 'node:os'
import { CommanderError } from 'commander'
import { type CliContext, CommandExit, exitCodes } from '../cli/context.ts'
import { createProgram } from '../cli/program.ts'
import { createTransport, type LocalApp } from '../cli/transport.ts'
import { openWeir } from '../compose.ts'
import { parseConfig } from '../config/parse.ts'
import { type Environment, readEnvironment } from '../config.ts'
import { AppError } from '../lib/errors.ts'
import { createLogger } from '../telemetry/log.ts'
import { readConfigFile, up } from './up.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** Runs one `weir` command and returns its exit code. Errors are printed, never thrown. */
export const runCli = async (argv: string[], variables: Variables): Promise<number> => {
  const note = (line: string) => void process.stderr.write(`${line}\n`)
  try {
    const environment = readEnvironment(variables)
    const actor = actorOf(variables)
    const transport = createTransport({
      stateDir: environment.WEIR_STATE_DIR,
      environment: variables,
      actor,
      openLocal: () => openLocal(environment, variables),
    })
    const context: CliContext = {
      request: transport.request,
      print: (line) => void process.stdout.write(`${line}\n`),
      note,
      interactive: process.stderr.isTTY === true,
      actor,
      folder: process.cwd(),
      environment: variables,
    }
    const program = createProgram(context, {
      serve: ({ port, host, config }) =>
        up(readEnvironment({ ...variables, ...definedOnly({ PORT: port?.toString(), HOST: host, WEIR_CONFIG: config }) }), variables),
      checkConfig: (file) => checkConfig(file ?? environment.WEIR_CONFIG, variables),
    })
    try {
      await program.parseAsync(argv, { from: 'user' })
    } finally {
      await transport.close()
    }
    return exitCodes.ok
  } catch (error) {
    if (error instanceof CommandExit) return error.exitCode
    if (error instanceof CommanderError) return error.exitCode
    note(error instanceof AppError ? error.message : `unexpected: ${error instanceof Error ? error.stack : String(error)}`)
    return exitCodes.usage
  }
}

/** The application in this process, for when no server runs. Its log speaks only of trouble. */
const openLocal = async (environment: Environment, variables: Variables): Promise<LocalApp> => {
  const config = parseConfig(await readConfigFile(environment.WEIR_CONFIG), environment.WEIR_CONFIG, variables)
  const weir = await openWeir({ environment, config, log: createLogger('error'), serving: false })
  return { fetch: (request) => weir.app.fetch(request, {}), token: weir.token, close: weir.close }
}

const checkConfig = async (file: string, variables: Variables): Promise<string[]> => {
  const config = parseConfig(await readConfigFile(file), file, variables)
  const count = (things: object, one: string) => `${Object.keys(things).length} ${one}${Object.keys(things).length === 1 ? '' : 's'}`
  const parts = [
    count(config.providers, 'provider'),
    count(config.models, 'model'),
    count(config.routes, 'route'),
    count(config.collections, 'collection'),
  ]
  return [`${file} is good: ${parts.join(', ')}`]
}

const actorOf = (variables: Variables): string => {
  if (variables.WEIR_ACTOR) return variables.WEIR_ACTOR
  const git = Bun.spawnSync(['git', 'config', 'user.email'], { stderr: 'ignore' })
  return git.stdout.toString().trim() || userInfo().username
}

const definedOnly = (values: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined))
