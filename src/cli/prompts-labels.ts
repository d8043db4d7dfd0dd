import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { table } from './table.ts'

type LabelEvent = {
  label: string
  kind: string
  from_version: number | null
  to_version: number
  actor: string
  reason: string
  eval_run_id: string | null
  override: boolean
  at: string
}
type Version = {
  version: number
  closure_hash: string
  git_commit: string | null
  author: string | null
  message: string | null
  created_by: string
  created_at: string
}

/** `weir prompts history|promote|rollback`. */
export const labelCommands = (prompts: Command, context: CliContext): void => {
  prompts
    .command('history')
    .description('the versions of a prompt, and who moved which label when and why')
    .argument('<name>')
    .option('--label <label>', 'moves of this label only')
    .option('--at <time>', 'what each label stood at then: an ISO date or date-time')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir prompts history assistant/answer\n  weir prompts history assistant/answer --label production --at 2026-11-17',
    )
    .action(async (name: string, options: { label?: string; at?: string; json?: boolean }) => {
      const query = options.label === undefined ? '' : `?label=${encodeURIComponent(options.label)}`
      const events = await get<LabelEvent>(context, name, `events${query}`)
      if (options.at !== undefined) return printLabelsAt(context, events, options.at, options.json)
      const versions = await get<Version>(context, name, 'versions')
      if (options.json) return context.print(JSON.stringify({ versions, events }))
      const versionRows = versions.map((version) => [
        version.version,
        version.closure_hash.slice(0, 12),
        version.git_commit?.slice(0, 12),
        version.author ?? version.created_by,
        version.message,
        version.created_at,
      ])
      context.print(table(['VERSION', 'CLOSURE', 'COMMIT', 'AUTHOR', 'MESSAGE', 'CREATED'], versionRows))
      const gate = (event: LabelEvent) => (event.override ? 'override' : event.eval_run_id)
      const eventRows = events.map((event) => [
        event.at,
        event.label,
        event.kind,
        event.from_version,
        event.to_version,
        event.actor,
        gate(event),
        event.reason,
      ])
      if (eventRows.length > 0) context.print(`\n${table(['WHEN', 'LABEL', 'MOVE', 'FROM', 'TO', 'WHO', 'EVAL RUN', 'WHY'], eventRows)}`)
    })

  prompts
    .command('promote')
    .description('move a label to a version; exit code 2 when the eval gate refuses')
    .argument('<name>')
    .argument('<label>', 'such as staging or production')
    .argument('<version>', 'a number, another label, or latest')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--expect <version>', 'the version the label must stand at now, or none (default: where it stands when the command starts)')
    .option('--override', 'promote to production without a passing eval run; recorded')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir prompts promote assistant/answer staging latest --reason "shorter"\n  weir prompts promote assistant/answer production staging --reason "passed review"',
    )
    .action(
      async (
        name: string,
        label: string,
        version: string,
        options: { reason: string; expect?: string; override?: boolean; json?: boolean },
      ) => {
        const { latest, labels } = await summaryOf(context, name)
        const known: Record<string, number> = { ...labels, latest }
        const number = /^\d+$/.test(version) ? Number(version) : Object.hasOwn(known, version) ? known[version] : undefined
        if (number === undefined)
          throw new AppError('not_found', `prompt "${name}" has no label "${version}"; it has ${Object.keys(known).join(', ')}`)
        const body = {
          label,
          version: number,
          expected_version: expected(options.expect, labels[label]),
          reason: options.reason,
          override: options.override,
        }
        printMove(context, name, await post(context, name, 'promote', body).catch(gateRefusal(context)), options.json)
      },
    )

  prompts
    .command('rollback')
    .description('move a label back to the version it stood at before')
    .argument('<name>')
    .argument('[label]', 'the label', 'production')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--expect <version>', 'the version the label must stand at now (default: where it stands when the command starts)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir prompts rollback assistant/answer production --reason "answers too long"')
    .action(async (name: string, label: string, options: { reason: string; expect?: string; json?: boolean }) => {
      const { labels } = await summaryOf(context, name)
      const body = { label, expected_version: expected(options.expect, labels[label]), reason: options.reason }
      printMove(context, name, await post(context, name, 'rollback', body), options.json)
    })
}

/** A gate that says no is an answer, not a mistake in the command. */
const gateRefusal =
  (context: CliContext) =>
  (error: unknown): never => {
    if (!(error instanceof AppError) || error.param !== 'override') throw error
    context.note(error.message)
    throw new CommandExit(exitCodes.gateFailed)
  }

const expected = (option: string | undefined, current: number | undefined): number | null => {
  if (option === undefined) return current ?? null
  if (option === 'none') return null
  if (/^\d+$/.test(option)) return Number(option)
  throw new AppError('invalid_request', `--expect takes a version number or none, not "${option}"`)
}

const urlOf = (name: string, rest: string): string => `/admin/prompts/${encodeURIComponent(name)}/${rest}`

const get = async <T>(context: CliContext, name: string, rest: string): Promise<T[]> =>
  ((await (await context.request(urlOf(name, rest))).json()) as { data: T[] }).data

const post = async (context: CliContext, name: string, rest: string, json: unknown): Promise<LabelEvent> =>
  (await (await context.request(urlOf(name, rest), { method: 'POST', json })).json()) as LabelEvent

const summaryOf = async (context: CliContext, name: string): Promise<{ latest: number; labels: Record<string, number> }> =>
  (await (await context.request(`/admin/prompts/${encodeURIComponent(name)}`)).json()) as { latest: number; labels: Record<string, number> }

const printMove = (context: CliContext, name: string, event: LabelEvent, json: boolean | undefined): void => {
  const from = event.from_version === null ? '' : ` from version ${event.from_version}`
  const told = `${name}: ${event.label} moved${from} to version ${event.to_version}${event.override ? ' (override)' : ''}`
  context.print(json ? JSON.stringify(event) : told)
}

const printLabelsAt = (context: CliContext, events: LabelEvent[], at: string, json: boolean | undefined): void => {
  const moment = Date.parse(at)
  if (Number.isNaN(moment)) throw new AppError('invalid_request', `--at takes an ISO date or date-time, not "${at}"`)
  const standing = new Map<string, LabelEvent>()
  for (const event of events) if (Date.parse(event.at) <= moment) standing.set(event.label, event)
  const rows = [...standing.values()].map((event) => [event.label, event.to_version, event.at, event.actor, event.reason])
  context.print(json ? JSON.stringify([...standing.values()]) : table(['LABEL', 'VERSION', 'SINCE', 'MOVED BY', 'WHY'], rows))
}
