import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { serverFile } from '../cli/transport.ts'
import { openWeir } from '../compose.ts'
import { parseConfig } from '../config/parse.ts'
import { watchConfig } from '../config/watch.ts'
import type { Environment } from '../config.ts'
import { serve } from '../http/serve.ts'
import { AppError } from '../lib/errors.ts'
import { createLogger } from '../telemetry/log.ts'

/** Serves until SIGINT or SIGTERM, then lets streams finish. A second signal ends at once. */
export const up = async (environment: Environment, variables: Readonly<Record<string, string | undefined>>): Promise<void> => {
  const log = createLogger(environment.WEIR_LOG_LEVEL)
  const file = environment.WEIR_CONFIG
  const text = await readConfigFile(file)
  const config = parseConfig(text, file, variables)
  await mkdir(environment.WEIR_STATE_DIR, { recursive: true })

  const weir = await openWeir({ environment, config, log, serving: true })
  const watching = watchConfig({
    file,
    environment: variables,
    initialText: text,
    onChange: async (next) => {
      await weir.reconfigure(next)
      log.info({ file }, 'configuration reloaded')
    },
    onError: (error) => log.error({ file, err: error }, 'the new configuration is bad; the last good one stays in force'),
  })
  process.on('SIGHUP', () => void watching.reload())

  const listening = serve({
    app: weir.app,
    inFlight: weir.inFlight,
    hostname: environment.HOST,
    port: environment.PORT,
    graceMs: environment.WEIR_SHUTDOWN_GRACE_MS,
  })
  const address = serverFile(environment.WEIR_STATE_DIR)
  await writeFile(address, JSON.stringify({ url: listening.url, pid: process.pid, token: weir.token }), { mode: 0o600 })
  await weir.warmedUp
  process.stderr.write(banner(listening.url, Object.keys(config.routes)[0], weir.firstAdminKey))

  await signalled()
  log.info('stopping: running requests may finish')
  watching.close()
  await listening.close()
  await rm(address, { force: true })
  await weir.close()
}

export const readConfigFile = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new AppError('not_found', `cannot read the configuration ${file}; start in a folder that has one, or set WEIR_CONFIG`, { cause })
  }
}

/** On standard error, for people; standard output carries the log. */
const banner = (url: string, route: string | undefined, firstAdminKey: string | undefined): string => {
  const body = JSON.stringify({ model: route ?? 'a-model', messages: [{ role: 'user', content: 'On which port does the server listen?' }] })
  const key = firstAdminKey ? `\n  Admin key, shown only now:  ${firstAdminKey}\n` : ''
  return `
  Weir serves on ${url}
${key}
  Try it:
  curl ${url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'

`
}

const signalled = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130))
        resolve()
      })
    }
  })
