import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { AppError } from '../lib/errors.ts'
import type { CliContext } from './context.ts'

/** A YAML or JSON file as a value; `-` is standard input. Throws `not_found` and `invalid_request`. */
export const readYaml = async (context: CliContext, file: string): Promise<unknown> => {
  const text = await readText(context, file)
  try {
    return parse(text)
  } catch (cause) {
    throw new AppError('invalid_request', `${file} is no YAML: ${(cause as Error).message.split('\n')[0]}`, { cause })
  }
}

const readText = async (context: CliContext, file: string): Promise<string> => {
  if (file === '-') return new Response(Bun.stdin.stream()).text()
  try {
    return await readFile(resolve(context.folder, file), 'utf8')
  } catch (cause) {
    throw new AppError('not_found', `cannot read ${file}`, { cause })
  }
}
