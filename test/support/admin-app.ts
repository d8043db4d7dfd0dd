import { Command } from 'commander'
import { Hono } from 'hono'
import type { CliContext } from '../../src/cli/context.ts'
import { CommandExit } from '../../src/cli/context.ts'
import { createTransport } from '../../src/cli/transport.ts'
import type { Env } from '../../src/http/context.ts'
import { errorResponse } from '../../src/http/errors.ts'

/** Admin routes over one app whose every caller is the local operator, as the server mounts them. */
export const adminApp = (mounts: Record<string, Hono<Env>>): Hono<Env> => {
  const app = new Hono<Env>()
  app.use(async (c, next) => {
    c.set('requestId', 'test')
    c.set('principal', { keyId: null, tenant: 'default', scopes: ['admin'] })
    await next()
  })
  for (const [path, routes] of Object.entries(mounts)) app.route(path, routes)
  app.onError((thrown) => errorResponse(thrown, 'test'))
  return app
}

export type CliRun = { code: number; out: string; notes: string; error: unknown }

/** Runs `weir <words>` against an app, through the transport that the real command uses. */
export const runCli = async (
  app: Hono<Env>,
  commands: (program: Command, context: CliContext) => void,
  words: string[],
  { folder = '.', environment = {} }: { folder?: string; environment?: Record<string, string> } = {},
): Promise<CliRun> => {
  const out: string[] = []
  const notes: string[] = []
  const transport = createTransport({
    stateDir: '/nonexistent',
    environment: {},
    actor: 'ann',
    openLocal: async () => ({ fetch: (request) => app.fetch(request), token: 't', close: async () => {} }),
  })
  const context: CliContext = {
    request: transport.request,
    print: (line) => out.push(line),
    note: (line) => notes.push(line),
    interactive: false,
    actor: 'ann',
    folder,
    environment,
  }
  const program = new Command('weir')
    .exitOverride()
    .configureOutput({ writeErr: (text) => notes.push(text), writeOut: (text) => out.push(text) })
  commands(program, context)
  const ended = (code: number, error?: unknown): CliRun => ({ code, out: out.join('\n'), notes: notes.join('\n'), error })
  try {
    await program.parseAsync(words, { from: 'user' })
    return ended(0)
  } catch (error) {
    return ended(error instanceof CommandExit ? error.exitCode : 1, error)
  } finally {
    await transport.close()
  }
}
