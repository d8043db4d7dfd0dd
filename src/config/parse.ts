import { readYaml, refuseFaults } from '../lib/yaml-file.ts'
import { crossCheck } from './cross-check.ts'
import { type WeirConfig, weirConfigSchema } from './schema.ts'

/**
 * `weir.yaml` text as a checked configuration. Throws `invalid_request` whose message lists every fault as `file:line:column: path: reason`.
 * Values may hold `${NAME}` (must be set) or `${NAME:-default}`, taken from `environment`; messages never repeat a value.
 */
export const parseConfig = (text: string, file: string, environment: Readonly<Record<string, string | undefined>>): WeirConfig => {
  const yaml = readYaml(text, file, environment)
  const config: WeirConfig = yaml.parse(weirConfigSchema)
  refuseFaults(crossCheck(config).map(({ path, message }) => `${yaml.at(path)}: ${path.join('.')}: ${message}`))
  return config
}
