import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { parse as parseYaml } from 'yaml'
import { AppError } from '../lib/errors.ts'
import { messagesText } from '../prompts/diff.ts'
import type { CliContext } from './context.ts'

type Shown = { name: string; version: number; closure_hash: string; git_path: string; source: string; partials: Record<string, string> }
type Diff = {
  from: number
  to: number
  source: string
  settings: { path: string; from: unknown; to: unknown }[]
  rendered: { name: string; patch: string }[]
}
type Rendered = { version: number; messages: Parameters<typeof messagesText>[0] }

/** `weir prompts show|diff|render`. */
export const readingCommands = (prompts: Command, context: CliContext): void => {
  prompts
    .command('show')
    .description('the text of a version and of the partials pinned to it')
    .argument('<name>')
    .argument('[version]', 'a number, a label, or latest', 'latest')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir prompts show assistant/answer production')
    .action(async (name: string, version: string, options: { json?: boolean }) => {
      const query = `?version=${encodeURIComponent(version)}`
      const shown = (await (await context.request(`/admin/prompts/${encodeURIComponent(name)}${query}`)).json()) as Shown
      if (options.json) return context.print(JSON.stringify(shown))
      context.note(`${shown.name} version ${shown.version} (${shown.closure_hash.slice(0, 12)})`)
      context.print(shown.source)
      for (const [partial, text] of Object.entries(shown.partials)) {
        context.note(`partial ${partial}`)
        context.print(text)
      }
    })

  prompts
    .command('diff')
    .description('what changes between two versions: source, settings, and what models read')
    .argument('<name>')
    .argument('[from]', 'a number, a label, or latest', 'production')
    .argument('[to]', 'a number, a label, or latest', 'latest')
    .option('--cases <file>', "JSON or YAML list of {name, variables} to render with (default: the prompt's eval suite)")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  weir prompts diff assistant/answer\n  weir prompts diff assistant/answer 3 4 --cases cases.yaml')
    .action(async (name: string, from: string, to: string, options: { cases?: string; json?: boolean }) => {
      const cases = options.cases === undefined ? undefined : await readData(context, options.cases)
      const diff = await post<Diff>(context, name, 'diff', { from: reference(from), to: reference(to), cases })
      if (options.json) return context.print(JSON.stringify(diff))
      context.note(`${name}: version ${diff.from} → ${diff.to}`)
      if (diff.source) context.print(diff.source.trimEnd())
      for (const change of diff.settings)
        context.print(`${change.path}: ${JSON.stringify(change.from) ?? 'none'} → ${JSON.stringify(change.to) ?? 'none'}`)
      for (const { patch } of diff.rendered) if (patch) context.print(patch.trimEnd())
      const changed = diff.rendered.filter(({ patch }) => patch !== '').length
      context.note(`${changed} of ${diff.rendered.length} cases render differently`)
    })

  prompts
    .command('render')
    .description('the messages a model would read, without asking one')
    .argument('<name>')
    .argument('[version]', 'a number, a label, or latest', 'latest')
    .option('--var <name=value...>', 'one variable; the value is JSON when it reads as JSON, else text')
    .option('--vars <file>', 'JSON or YAML map of variables')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  weir prompts render examples/classify --var message="Where is my order?"\n  weir prompts render assistant/answer production --vars case.yaml --json',
    )
    .action(async (name: string, version: string, options: { var?: string[]; vars?: string; json?: boolean }) => {
      const fromFile = options.vars === undefined ? {} : await readData(context, options.vars)
      const variables = { ...(fromFile as Record<string, unknown>), ...Object.fromEntries((options.var ?? []).map(variable)) }
      const rendered = await post<Rendered>(context, name, 'render', { version: reference(version), variables })
      if (options.json) return context.print(JSON.stringify(rendered))
      context.note(`${name} version ${rendered.version}`)
      context.print(messagesText(rendered.messages).trimEnd())
    })
}

const reference = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text)

const variable = (text: string): [string, unknown] => {
  const equals = text.indexOf('=')
  if (equals < 1) throw new AppError('invalid_request', `--var takes name=value, not "${text}"`)
  const value = text.slice(equals + 1)
  try {
    return [text.slice(0, equals), JSON.parse(value)]
  } catch {
    return [text.slice(0, equals), value] // plain text, as a shell passes it
  }
}

const readData = async (context: CliContext, file: string): Promise<unknown> => {
  const text = await readFile(resolve(context.folder, file), 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid_request', `cannot read ${file}`, { cause })
  })
  try {
    return parseYaml(text)
  } catch (cause) {
    throw new AppError('invalid_request', `${file} is neither JSON nor YAML: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
}

const post = async <T>(context: CliContext, name: string, rest: string, json: unknown): Promise<T> =>
  (await (await context.request(`/admin/prompts/${encodeURIComponent(name)}/${rest}`, { method: 'POST', json })).json()) as T
