import type { Command } from 'commander'
import { stringify } from 'yaml'
import { AppError } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { explainCommand } from './explain.ts'
import { shadowCommand } from './shadow.ts'
import { table } from './table.ts'
import { readYaml } from './yaml-file.ts'

type InForce = {
  name: string
  source: 'file' | 'api'
  version: number | null
  variants: { name: string; weight_percent: number; model: string; variant_hash: string; disabled: boolean }[]
  trial: { candidate: string; control: string; weight_percent: number } | null
  shadow: { variant: string; sample_percent: number } | null
}
type Version = { version: number; settings: unknown; settings_hash: string; created_by: string; reason: string; created_at: string }

/** `weir routes …`: what clients may call as `model`. */
export const routeCommands = (program: Command, context: CliContext): void => {
  const routes = program.command('routes').description('list routes, and put routes beside those of weir.yaml')

  routes
    .command('list')
    .description('every route with its variants, as they are in force')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir routes list')
    .action(async ({ json }: { json?: boolean }) => {
      const { data } = (await (await context.request('/admin/routes')).json()) as { data: InForce[] }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.flatMap((route) =>
        route.variants.map((variant, index) => [
          index === 0 ? route.name : ' ',
          index === 0 ? (route.source === 'file' ? 'weir.yaml' : `version ${route.version}`) : ' ',
          variant.name,
          variant.disabled ? 'disabled' : `${variant.weight_percent} %`,
          variant.model,
          variant.variant_hash.slice(0, 12),
          roleOf(route, variant.name),
        ]),
      )
      context.print(table(['ROUTE', 'SOURCE', 'VARIANT', 'WEIGHT', 'MODEL', 'HASH', 'ROLLOUT'], rows))
    })

  routes
    .command('get')
    .description('what a route was made of, as YAML, and its versions')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir routes get support > support.yaml')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const route = (await (await context.request(urlOf(name))).json()) as { source: string; settings: unknown; versions: Version[] }
      if (json) return context.print(JSON.stringify(route))
      context.note(route.source === 'file' ? 'declared in weir.yaml' : `${route.versions.length} versions; weir routes history ${name}`)
      context.print(stringify(route.settings).trimEnd())
    })

  routes
    .command('put')
    .description('make or change a route: a new version, in force on every replica at once')
    .argument('<name>')
    .requiredOption('--file <file>', 'YAML or JSON, as under routes.<name> in weir.yaml; - for standard input')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--expect <version>', 'the version that must be in force now, or none')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir routes put support --file support.yaml --reason "colder answers"')
    .action(async (name: string, options: { file: string; reason: string; expect?: string; json?: boolean }) => {
      const settings = await readYaml(context, options.file)
      const expected = options.expect === undefined ? undefined : options.expect === 'none' ? null : wholeNumber(options.expect)
      const response = await context.request(urlOf(name), {
        method: 'PUT',
        json: { settings, reason: options.reason, expected_version: expected },
      })
      const version = (await response.json()) as Version & { changed: boolean }
      if (options.json) return context.print(JSON.stringify(version))
      context.print(version.changed ? `${name} is at version ${version.version}` : `${name} was at version ${version.version} already`)
    })

  routes
    .command('delete')
    .description('serve a route no more; its versions stay, and a rollback brings it back')
    .argument('<name>')
    .requiredOption('--reason <text>', 'why, for the record')
    .addHelpText('after', '\nExample:\n  weir routes delete trial --reason "trial is over"')
    .action(async (name: string, { reason }: { reason: string }) => {
      await context.request(`${urlOf(name)}?${new URLSearchParams({ reason })}`, { method: 'DELETE' })
      context.print(`${name} is not served any more`)
    })

  routes
    .command('history')
    .description('the versions of a route, and who put which when and why')
    .argument('<name>')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir routes history support')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { data } = (await (await context.request(urlOf(name, 'history'))).json()) as {
        data: { kind: string; from_version: number | null; to_version: number | null; actor: string; reason: string; at: string }[]
      }
      if (json) return context.print(JSON.stringify(data))
      const rows = data.map((event) => [event.at, event.kind, event.from_version, event.to_version, event.actor, event.reason])
      context.print(table(['WHEN', 'WHAT', 'FROM', 'TO', 'WHO', 'WHY'], rows))
    })

  routes
    .command('weights')
    .description('what an adaptive route made of its weights, and why, newest first')
    .argument('<name>')
    .option('--limit <n>', 'moves at most', '20')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir routes weights support --limit 5')
    .action(async (name: string, { limit, json }: { limit: string; json?: boolean }) => {
      const { data } = (await (await context.request(`${urlOf(name, 'weights')}?${new URLSearchParams({ limit })}`)).json()) as {
        data: { at: string; weights: Shares; stopped: string[]; evidence: { chances?: Shares | null; stopped?: { reason: string }[] } }[]
      }
      if (json) return context.print(JSON.stringify(data))
      if (data.length === 0)
        return context.print(`${name} has learned no weights: give it adaptive in weir.yaml, or wait for its first move`)
      const rows = data.map(({ at, weights, evidence }) => [
        at,
        sharesOf(weights, 1),
        evidence.chances ? sharesOf(evidence.chances, 100) : 'too little is known',
        evidence.stopped?.map(({ reason }) => reason).join('; ') ?? null,
      ])
      context.print(table(['WHEN', 'WEIGHTS, %', 'BEST WITH CHANCE, %', 'TAKEN OUT'], rows))
    })

  routes
    .command('rollback')
    .description('make an earlier version the route again')
    .argument('<name>')
    .argument('[version]', 'the version before when absent')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir routes rollback support --reason "answers too short"')
    .action(async (name: string, version: string | undefined, options: { reason: string; json?: boolean }) => {
      const json = { reason: options.reason, ...(version === undefined ? {} : { version: wholeNumber(version) }) }
      const now = (await (await context.request(urlOf(name, 'rollback'), { method: 'POST', json })).json()) as Version
      context.print(options.json ? JSON.stringify(now) : `${name} is at version ${now.version} again`)
    })

  shadowCommand(routes, context)
  explainCommand(routes, context)
}

const roleOf = ({ trial, shadow }: InForce, variant: string): string | null => {
  if (trial?.candidate === variant) return `candidate on ${trial.weight_percent} %`
  if (trial?.control === variant) return `control on ${trial.weight_percent} %`
  return shadow?.variant === variant ? `shadow of ${shadow.sample_percent} %` : null
}

type Shares = { [variant: string]: number }

const sharesOf = (shares: Shares, factor: number): string =>
  Object.entries(shares)
    .map(([variant, share]) => `${variant} ${(share * factor).toFixed(1)}`)
    .join(', ')

const urlOf = (name: string, rest?: string): string => `/admin/routes/${encodeURIComponent(name)}${rest === undefined ? '' : `/${rest}`}`

const wholeNumber = (text: string): number => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new AppError('invalid_request', `${text} is no version number`)
}
