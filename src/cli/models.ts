import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import { type CliContext, CommandExit, exitCodes } from './context.ts'
import { aliasCommands } from './models-aliases.ts'
import { followInstallation } from './models-progress.ts'
import { table } from './table.ts'

type Summary = { name: string; kind: string; latest: number; aliases: Record<string, number> }
type Shown = Summary & {
  version: number
  format: string
  manifest_hash: string
  files: { path: string; size: number; sha256: string }[]
  facts: Record<string, unknown>
}
type AddOptions = {
  kind: string
  reason?: string
  licence?: string
  baseModel?: string
  source?: string
  revision?: string
  card?: string
  metrics?: string
  json?: boolean
}

/** `weir models …`: which models there are, where their files came from, and which version an alias means. */
export const modelCommands = (program: Command, context: CliContext): void => {
  const models = program.command('models').description('register, fetch, verify and alias models')

  describedOptions(
    models
      .command('add')
      .description("register a file or folder of the server's machine, or a hosted model")
      .argument('<name>')
      .argument('[path]', 'a GGUF file, or a folder in the layout of the Hugging Face hub')
      .option('--hosted <provider:model>', 'a model that stays with its host, such as openai:gpt-4.1-mini')
      .option('--source <address>', 'where it came from')
      .option('--revision <revision>', 'which state of the source'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  weir models add house-llm models/house-q4.gguf --licence apache-2.0\n  weir models add house-embed models/embed --kind embedding\n  weir models add big --kind hosted --hosted openai:gpt-4.1-mini',
    )
    .action(async (name: string, path: string | undefined, options: AddOptions & { hosted?: string }) => {
      const response = await context.request('/admin/models/add', {
        method: 'POST',
        json: {
          ...(await registration(context, options)),
          name,
          path: path === undefined ? undefined : resolve(context.folder, path),
          hosted: options.hosted === undefined ? undefined : hostedModel(options.hosted),
        },
      })
      await followInstallation(context, response, options.json)
    })

  describedOptions(
    models
      .command('pull')
      .description('fetch a model from the Hugging Face hub (HF_ENDPOINT of the server), check its hashes and register it')
      .argument('<source>', 'hf:owner/name:quantisation, with @revision if it matters')
      .option('--name <name>', "the registered name (default: the repository's)")
      .option('--file <path...>', 'files to fetch, when it is not one set of GGUF weights'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  weir models pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M --name qwen-small\n  weir models pull hf:Xenova/all-MiniLM-L6-v2 --kind embedding --file config.json tokenizer.json onnx/model_quantized.onnx',
    )
    .action(async (source: string, options: AddOptions & { name?: string; file?: string[] }) => {
      const json = { ...(await registration(context, options)), source, name: options.name, files: options.file }
      const response = await context.request('/admin/models/pull', { method: 'POST', json })
      await followInstallation(context, response, options.json)
    })

  models
    .command('list')
    .description('every registered model with its aliases')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models list')
    .action(async (options: { json?: boolean }) => {
      const { data } = (await (await context.request('/admin/models')).json()) as { data: Summary[] }
      if (options.json) return context.print(JSON.stringify(data))
      const aliases = (model: Summary) =>
        Object.entries(model.aliases)
          .map(([alias, version]) => `${alias}=${version}`)
          .join(' ')
      context.print(
        table(
          ['NAME', 'KIND', 'LATEST', 'ALIASES'],
          data.map((model) => [model.name, model.kind, model.latest, aliases(model)]),
        ),
      )
    })

  models
    .command('show')
    .description('a version: files with their hashes, metadata, origin')
    .argument('<name>')
    .argument('[version]', 'a number, an alias, or latest', 'latest')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models show house-llm production')
    .action(async (name: string, version: string, options: { json?: boolean }) => {
      const shown = (await (await context.request(`${urlOf(name)}?version=${encodeURIComponent(version)}`)).json()) as Shown
      if (options.json) return context.print(JSON.stringify(shown))
      context.print(`${shown.name} version ${shown.version} (${shown.kind}, ${shown.format}), manifest ${shown.manifest_hash}`)
      for (const [key, value] of Object.entries(shown.facts)) if (value !== null) context.print(`  ${key}: ${JSON.stringify(value)}`)
      if (shown.files.length > 0)
        context.print(
          table(
            ['FILE', 'BYTES', 'SHA256'],
            shown.files.map((file) => [file.path, file.size, file.sha256]),
          ),
        )
    })

  models
    .command('verify')
    .description('read the stored files of a version again; exit code 2 when one is missing or changed')
    .argument('<name>')
    .argument('[version]', 'a number, an alias, or latest', 'latest')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models verify house-llm production')
    .action(async (name: string, version: string, options: { json?: boolean }) => {
      const response = await context.request(`${urlOf(name)}/verify`, { method: 'POST', json: { version } })
      const report = (await response.json()) as { name: string; version: number; ok: boolean; files: { path: string; state: string }[] }
      const told = [
        ...report.files.map((file) => `${file.state.padEnd(8)}  ${file.path}`),
        `${report.name} version ${report.version}: ${report.ok ? 'intact' : 'not intact'}`,
      ]
      context.print(options.json ? JSON.stringify(report) : told.join('\n'))
      if (!report.ok) throw new CommandExit(exitCodes.gateFailed)
    })

  models
    .command('card')
    .description('the model card as an HTML page')
    .argument('<name>')
    .argument('[version]', 'a number, an alias, or latest', 'latest')
    .option('-o, --output <file>', 'write it to a file')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir models card house-llm --output card.html')
    .action(async (name: string, version: string, options: { output?: string; json?: boolean }) => {
      const html = await (await context.request(`${urlOf(name)}/${encodeURIComponent(version)}/card`)).text()
      if (options.output === undefined) return context.print(options.json ? JSON.stringify({ name, version, html }) : html)
      await writeFile(resolve(context.folder, options.output), html)
      context.note(`wrote ${options.output}`)
    })

  aliasCommands(models, context)
}

const describedOptions = (command: Command): Command =>
  command
    .option('--kind <kind>', 'llm, embedding, classifier, reranker, hosted or adapter', 'llm')
    .option('--reason <text>', 'why, for the record')
    .option('--licence <licence>', 'overrides what the files say')
    .option('--base-model <name>', 'what it was made from')
    .option('--card <file>', 'a model card: Markdown with YAML metadata')
    .option('--metrics <file>', 'JSON of metrics, kept as given')
    .option('--json', 'print JSON lines')

const registration = async (context: CliContext, options: AddOptions) => ({
  kind: options.kind,
  reason: options.reason,
  licence: options.licence,
  base_model: options.baseModel,
  source: options.source,
  revision: options.revision,
  card: options.card === undefined ? undefined : await read(context, options.card),
  metrics: options.metrics === undefined ? undefined : parseJson(options.metrics, await read(context, options.metrics)),
})

const read = (context: CliContext, file: string): Promise<string> =>
  readFile(resolve(context.folder, file), 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid_request', `cannot read ${file}`, { cause })
  })

const parseJson = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid_request', `${file} is not JSON`, { cause })
  }
}

const hostedModel = (text: string): { provider: string; model: string } => {
  const colon = text.indexOf(':')
  if (colon < 1) throw new AppError('invalid_request', `--hosted takes provider:model, not "${text}"`)
  return { provider: text.slice(0, colon), model: text.slice(colon + 1) }
}

const urlOf = (name: string): string => `/admin/models/${encodeURIComponent(name)}`
