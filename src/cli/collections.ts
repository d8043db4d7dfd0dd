import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../lib/errors.ts'
import type { CliContext } from './context.ts'
import { ndjson } from './ingest-lines.ts'
import { table } from './table.ts'

type Row = {
  id: string
  name: string | null
  documents: number
  failed: number
  chunks: number
  active_index: string
  indexes: { id: string; kind: string; state: string; embedding: string }[]
}
type Common = { tenant?: string; json?: boolean }

/** `weir collections …`: what is in them, and another embedding model for them without a moment of mixed answers. */
export const collectionCommands = (program: Command, context: CliContext): void => {
  const collections = program
    .command('collections')
    .description('list collections; change their embedding model, compare, switch and roll back')
  const post = async (name: string, verb: string, json: object) =>
    context.request(`/admin/collections/${encodeURIComponent(name)}/${verb}`, { method: 'POST', json })
  const find = async (name: string, tenant: string | undefined): Promise<Row> => {
    const found = (await list(context, tenant)).find((row) => row.name === name || row.id === name)
    if (found === undefined) throw new AppError('not_found', `there is no collection '${name}'`)
    return found
  }

  collections
    .command('list')
    .description('collections with their documents and indexes')
    .option('--tenant <tenant>', 'whose (default: shared)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir collections list')
    .action(async (options: Common) => {
      const rows = await list(context, options.tenant)
      if (options.json) return context.print(JSON.stringify(rows))
      const indexes = (row: Row) => row.indexes.map(({ id, kind, state, embedding }) => `${state} ${kind} ${embedding} (${id})`).join('; ')
      context.print(
        table(
          ['name', 'documents', 'failed', 'chunks', 'indexes'],
          rows.map((row) => [row.name, row.documents, row.failed, row.chunks, indexes(row)]),
        ),
      )
    })

  collections
    .command('reindex')
    .description('build an index with another embedding model beside the one that serves; nothing switches yet')
    .argument('<collection>')
    .requiredOption('--embedding <model>', 'name of a configured embedding model')
    .option('--index <kind>', 'hnsw, exact or pgvector', 'hnsw')
    .option('--tenant <tenant>', 'whose (default: shared)')
    .addHelpText('after', '\nExample:\n  weir collections reindex docs --embedding bge-small')
    .action(async (name: string, { embedding, index, tenant }: { embedding: string; index: string; tenant?: string }) => {
      for await (const line of ndjson(await post(name, 'reindex', { embedding, kind: index, tenant }))) {
        if (line.type === 'error') throw new AppError('internal', line.message)
        if (line.type === 'progress') context.note(`${line.done} of ${line.total} chunks`)
        else context.print(`index ${(line as unknown as { index: string }).index} is complete; compare it, then switch`)
      }
    })

  collections
    .command('compare')
    .description('measure the index being built, or standing by, against the active one')
    .argument('<collection>')
    .requiredOption('--queries <file>', 'one JSON object per line: {"query": "…", "gains": {"docs/a.md": 1}}; gains are optional')
    .option('--candidate <index>', 'default: the index being built')
    .option('--tenant <tenant>', 'whose (default: shared)')
    .addHelpText('after', '\nExample:\n  weir collections compare docs --queries questions.jsonl')
    .action(async (name: string, { queries, candidate, tenant }: { queries: string; candidate?: string; tenant?: string }) => {
      const text = await readFile(resolve(context.folder, queries), 'utf8')
      const parsed: unknown[] = text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => JSON.parse(line))
      const chosen = candidate ?? other(await find(name, tenant), 'building').id
      context.print(JSON.stringify(await (await post(name, 'compare', { candidate: chosen, queries: parsed, tenant })).json()))
    })

  for (const [verb, state, summary] of [
    ['switch', 'building', 'let queries read the index that was built; the one before stands by, kept current'],
    ['rollback', 'standby', 'let queries read the index that stands by'],
  ] as const) {
    collections
      .command(verb)
      .description(summary)
      .argument('<collection>')
      .requiredOption('--reason <text>', 'why, for the record')
      .option('--to <index>', `default: the index in state ${state}`)
      .option('--tenant <tenant>', 'whose (default: shared)')
      .addHelpText('after', `\nExample:\n  weir collections ${verb} docs --reason "nDCG@10 .41, was .37"`)
      .action(async (name: string, { reason, to, tenant }: { reason: string; to?: string; tenant?: string }) => {
        const row = await find(name, tenant)
        const chosen = to ?? other(row, state).id
        await post(name, 'switch', { to: chosen, expected: row.active_index, reason, tenant })
        context.print(`${name} is answered from ${chosen}; ${row.active_index} stands by`)
      })
  }
}

const list = async (context: CliContext, tenant: string | undefined): Promise<Row[]> => {
  const query = tenant === undefined ? '' : `?tenant=${encodeURIComponent(tenant)}`
  return ((await (await context.request(`/admin/collections${query}`)).json()) as { data: Row[] }).data
}

const other = (row: Row, state: string) => {
  const found = row.indexes.find((index) => index.state === state)
  if (found === undefined) throw new AppError('not_found', `'${row.name}' has no index in state ${state}`)
  return found
}
