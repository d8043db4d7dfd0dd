import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type AliasEvent = {
  alias: string
  kind: string
  from_version: number | null
  to_version: number
  actor: string
  reason: string
  at: string
}
type Version = { version: number; format: string; manifest_hash: string; created_by: string; reason: string; created_at: string }

/** `weir models history|promote|rollback`. */
export const aliasCommands = (models: Command, context: CliContext): void => {
  models
    .command('history')
    .description('the versions of a model, and who moved which alias when and why')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models history house-llm')
    .action(async (name: string, options: { json?: boolean }) => {
      const versions = await get<Version>(context, name, 'versions')
      const events = await get<AliasEvent>(context, name, 'events')
      if (options.json) return context.print(JSON.stringify({ versions, events }))
      const versionRows = versions.map((version) => [
        version.version,
        version.format,
        version.manifest_hash.slice(0, 12),
        version.created_by,
        version.reason,
        version.created_at,
      ])
      context.print(table(['VERSION', 'FORMAT', 'MANIFEST', 'BY', 'WHY', 'CREATED'], versionRows))
      const eventRows = events.map((event) => [
        event.at,
        event.alias,
        event.kind,
        event.from_version,
        event.to_version,
        event.actor,
        event.reason,
      ])
      if (eventRows.length > 0) context.print(`\n${table(['WHEN', 'ALIAS', 'MOVE', 'FROM', 'TO', 'WHO', 'WHY'], eventRows)}`)
    })

  models
    .command('promote')
    .description('move an alias to a version')
    .argument('<name>')
    .argument('<alias>', 'such as production')
    .argument('<version>', 'a number, another alias, or latest')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--expect <version>', 'the version the alias must stand at now, or none (default: where it stands when the command starts)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models promote house-llm production latest --reason "passed the suite"')
    .action(async (name: string, alias: string, version: string, options: { reason: string; expect?: string; json?: boolean }) => {
      const { latest, aliases } = await summaryOf(context, name)
      const known: Record<string, number> = { ...aliases, latest }
      const number = /^\d+$/.test(version) ? Number(version) : Object.hasOwn(known, version) ? known[version] : undefined
      if (number === undefined)
        throw new AppError('not_found', `model "${name}" has no alias "${version}"; it has ${Object.keys(known).join(', ')}`)
      const body = { alias, version: number, expected_version: expected(options.expect, aliases[alias]), reason: options.reason }
      printMove(context, name, await post(context, name, 'promote', body), options.json)
    })

  models
    .command('rollback')
    .description('move an alias back to the version it stood at before')
    .argument('<name>')
    .argument('[alias]', 'the alias', 'production')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--expect <version>', 'the version the alias must stand at now (default: where it stands when the command starts)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models rollback house-llm production --reason "slower than before"')
    .action(async (name: string, alias: string, options: { reason: string; expect?: string; json?: boolean }) => {
      const { aliases } = await summaryOf(context, name)
      const body = { alias, expected_version: expected(options.expect, aliases[alias]), reason: options.reason }
      printMove(context, name, await post(context, name, 'rollback', body), options.json)
    })
}

const expected = (option: string | undefined, current: number | undefined): number | null => {
  if (option === undefined) return current ?? null
  if (option === 'none') return null
  if (/^\d+$/.test(option)) return Number(option)
  throw new AppError('invalid_request', `--expect takes a version number or none, not "${option}"`)
}

const urlOf = (name: string): string => `/admin/models/${encodeURIComponent(name)}`

const get = async <T>(context: CliContext, name: string, rest: string): Promise<T[]> =>
  ((await (await context.request(`${urlOf(name)}/${rest}`)).json()) as { data: T[] }).data

const post = async (context: CliContext, name: string, rest: string, json: unknown): Promise<AliasEvent> =>
  (await (await context.request(`${urlOf(name)}/${rest}`, { method: 'POST', json })).json()) as AliasEvent

const summaryOf = async (context: CliContext, name: string): Promise<{ latest: number; aliases: Record<string, number> }> =>
  (await (await context.request(urlOf(name))).json()) as { latest: number; aliases: Record<string, number> }

const printMove = (context: CliContext, name: string, event: AliasEvent, json: boolean | undefined): void => {
  const from = event.from_version === null ? '' : ` from version ${event.from_version}`
  context.print(json ? JSON.stringify(event) : `${name}: ${event.alias} moved${from} to version ${event.to_version}`)
}
