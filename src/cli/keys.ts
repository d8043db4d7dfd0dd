import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import { limitNames } from '../limits/rules.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type KeyRow = {
  id: string
  name: string
  prefix: string
  tenant: string
  scopes: string[]
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  previous_until: string | null
}
type CreateOptions = {
  name: string
  scope?: string[]
  tenant: string
  expires?: string
  route?: string[]
  origin?: string[]
  limit?: string[]
  json?: boolean
}
type CreatedKey = KeyRow & { secret: string }

/** `weir keys …`: who may call the server. Secrets are shown once, when they are made. */
export const keyCommands = (program: Command, context: CliContext): void => {
  const keys = program.command('keys').description('create, list, rotate and revoke API keys')

  keys
    .command('create')
    .description('make a key and print its secret, which is shown only now')
    .requiredOption('--name <name>', 'what the key is for')
    .option('--scope <scope...>', 'inference or admin (default: inference)')
    .option('--tenant <tenant>', 'whose traffic this is', 'default')
    .option('--expires <date>', 'ISO date or date-time after which the key stops working')
    .option('--route <name...>', 'routes and models that the key may call (default: all)')
    .option('--origin <origin...>', 'web pages that may use the key, such as https://app.example')
    .option('--limit <name=number...>', 'requests_per_minute, requests_per_day, tokens_per_minute, tokens_per_day or concurrency')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir keys create --name website\n  weir keys create --name trial --limit requests_per_minute=10 tokens_per_day=50000\n  weir keys create --name ops --scope admin inference --expires 2027-01-01',
    )
    .action(async (options: CreateOptions) => {
      const response = await context.request('/admin/keys', {
        method: 'POST',
        json: {
          name: options.name,
          scopes: options.scope,
          tenant: options.tenant,
          expires_at: options.expires,
          allowed_routes: options.route,
          allowed_origins: options.origin,
          metadata: options.limit && Object.fromEntries(options.limit.map(limitOf)),
        },
      })
      printSecret(context, (await response.json()) as CreatedKey, options.json)
    })

  keys
    .command('list')
    .description('every key, without its secret')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir keys list --json')
    .action(async (options: { json?: boolean }) => {
      const { data } = (await (await context.request('/admin/keys')).json()) as { data: KeyRow[] }
      if (options.json) return context.print(JSON.stringify(data))
      const state = (key: KeyRow) =>
        key.revoked_at ? 'revoked' : key.expires_at && key.expires_at < new Date().toISOString() ? 'expired' : 'active'
      const rows = data.map((key) => [key.id, key.name, `${key.prefix}…`, key.tenant, key.scopes.join(' '), state(key), key.created_at])
      context.print(table(['ID', 'NAME', 'KEY', 'TENANT', 'SCOPES', 'STATE', 'CREATED'], rows))
    })

  keys
    .command('rotate')
    .description('give a key a new secret; the old one works on for a grace period')
    .argument('<id>')
    .option('--grace <time>', 'how long the old secret still works, such as 30m, 24h or 7d; 0 when it leaked', '24h')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir keys rotate 0198… --reason "yearly"\n  weir keys rotate 0198… --grace 0 --reason "laptop lost"',
    )
    .action(async (id: string, options: { reason: string; grace: string; json?: boolean }) => {
      const response = await context.request(`/admin/keys/${encodeURIComponent(id)}/rotate`, {
        method: 'POST',
        json: { reason: options.reason, grace_s: secondsOf(options.grace) },
      })
      const key = (await response.json()) as CreatedKey
      printSecret(context, key, options.json)
      if (!options.json) context.note(key.previous_until ? `The old secret works until ${key.previous_until}.` : 'The old secret is dead.')
    })

  keys
    .command('revoke')
    .description('stop a key from working, on every replica within a second')
    .argument('<id>')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nExample:\n  weir keys revoke 0198… --reason "no longer used"')
    .action(async (id: string, options: { reason: string }) => {
      await context.request(`/admin/keys/${encodeURIComponent(id)}/revoke`, { method: 'POST', json: { reason: options.reason } })
      context.print(`revoked ${id}`)
    })
}

/** `requests_per_minute=10`. A name that limits nothing must not look as if it did. */
const limitOf = (text: string): [string, string] => {
  const [name = '', value = ''] = text.split('=')
  if ((limitNames as readonly string[]).includes(name)) return [name, value]
  throw new AppError('invalid_request', `${name} is no limit: use ${limitNames.join(', ')}`)
}

/** `90s`, `30m`, `24h`, `7d` or `0`. */
const secondsOf = (text: string): number => {
  const [, count, unit] = /^(\d{1,7})(s|m|h|d)$/.exec(text) ?? []
  if (text === '0') return 0
  if (count === undefined) throw new AppError('invalid_request', `${text} is no time: use 90s, 30m, 24h, 7d or 0`)
  return Number(count) * { s: 1, m: 60, h: 3600, d: 86_400 }[unit as 's' | 'm' | 'h' | 'd']
}

const printSecret = (context: CliContext, key: CreatedKey, json: boolean | undefined) => {
  if (json) return context.print(JSON.stringify(key))
  context.note(`Key ${key.id} (${key.name}). The secret is shown only now:`)
  context.print(key.secret)
}
