import type { AnswerDeps } from '../answer/answer.ts'
import type { GuardrailConfig } from '../config/guardrails.ts'
import type { WeirConfig } from '../config/schema.ts'
import type { Check } from '../guardrails/check.ts'
import { classifier } from '../guardrails/checks/classifier.ts'
import { jsonSchema } from '../guardrails/checks/json-schema.ts'
import { judge } from '../guardrails/checks/judge.ts'
import { keywords } from '../guardrails/checks/keywords.ts'
import { pattern } from '../guardrails/checks/pattern.ts'
import { pii } from '../guardrails/checks/pii.ts'
import type { Guard } from '../guardrails/guard.ts'
import { createGuarding, type RouteGuards } from '../guardrails/guarding.ts'
import type { ModelSet } from './models.ts'
import type { Stacks } from './stacks.ts'

/** The guards of every route that has some, made once for a configuration. Throws `invalid_request` for a schema that is none. */
export const createRouteGuards = (config: WeirConfig, models: ModelSet, stacks: Stacks): ReadonlyMap<string, RouteGuards> => {
  const guards = new Map(
    Object.entries(config.guardrails).map(([name, settings]): [string, Guard] => [
      name,
      {
        name,
        check: checkOf(settings, models, stacks),
        action: settings.action,
        respond: settings.respond,
        message: settings.message,
        onError: settings.on_error ?? (settings.action === 'flag' ? 'allow' : 'block'),
        timeoutMs: settings.timeout_ms,
      },
    ]),
  )
  // Names that are not there are refused by config/cross-check.
  const named = (names: readonly string[]) => names.flatMap((name) => guards.get(name) ?? [])
  return new Map(
    Object.entries(config.routes).flatMap(([route, { guardrails }]) =>
      guardrails ? [[route, { input: named(guardrails.input), output: named(guardrails.output) }] as const] : [],
    ),
  )
}

export const guardOf =
  (guards: () => ReadonlyMap<string, RouteGuards>): NonNullable<AnswerDeps['guard']> =>
  ({ route, principal, signal }) => {
    const own = guards().get(route)
    return own && createGuarding(own, { tenant: principal.tenant, signal })
  }

/** The classifiers that `/v1/moderations` asks, and from which probability on each label is flagged. */
export const moderatorsOf = (config: WeirConfig): Map<string, Record<string, number>> =>
  new Map(
    Object.entries(config.models).flatMap(([name, model]) =>
      model.kind === 'classifier' && model.moderation ? [[name, model.moderation] as const] : [],
    ),
  )

const checkOf = (settings: GuardrailConfig, models: ModelSet, stacks: Stacks): Check => {
  switch (settings.kind) {
    case 'pattern':
      return pattern(settings.patterns)
    case 'keywords':
      return keywords(settings.words)
    case 'pii':
      return pii({ kinds: settings.find, country: settings.country })
    case 'classifier':
      return classifier(() => models.classifiers.get(settings.model), { labels: settings.labels, minProbability: settings.min_probability })
    case 'json_schema':
      return jsonSchema(settings.schema)
    case 'judge': {
      const model = stacks.serve({ model: settings.model, fallback: [] })
      return judge(() => model, settings.policy)
    }
  }
}
