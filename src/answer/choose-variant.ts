import { detect } from 'tinyld'
import { estimateUsage } from '../models/providers/estimate.ts'
import type { Dealt } from '../rollout/assign.ts'
import type { RouteTable } from '../rollout/route.ts'
import { type Facts, unmet } from '../rollout/rules.ts'
import { pickVariant, routeFor } from './pick-variant.ts'
import type { AnswerRequest } from './request.ts'

/** The probability of a label of a text; null when the classifier is away or takes too long. */
export type ProbabilityOf = (ask: { classifier: string; label: string; text: string; signal: AbortSignal }) => Promise<number | null>

/** `rule`: the name of the rule that decided; null when weights or a pin did. Who is sent by a rule is on no side of a trial. */
export type Chosen = Dealt & { rule: string | null }

/** The variant that answers: the pinned one, that of the first rule which holds, or the subject's own. Throws as `pickVariant` does. */
export const chooseVariant = async (routes: RouteTable, request: AnswerRequest, probabilityOf: ProbabilityOf): Promise<Chosen> => {
  const route = routeFor(routes, request)
  if (request.pin === null && route.rules) {
    const facts = factsOf(request, probabilityOf)
    for (const rule of route.rules) {
      const variant = route.variants.find(({ name }) => name === rule.variant)
      if (variant === undefined || route.disabled?.has(variant.name)) continue
      if ((await unmet(rule.when, facts)) === undefined) return { variant, arm: null, rule: rule.name }
    }
  }
  return { ...pickVariant(routes, request), rule: null }
}

/** Each is worked out once, however many rules ask. */
export const factsOf = (request: Pick<AnswerRequest, 'chat' | 'metadata' | 'signal'>, probabilityOf: ProbabilityOf): Facts => {
  const { chat, metadata, signal } = request
  const text = once(() => lastSaid(chat.input))
  const asked = new Map<string, Promise<number | null>>()
  return {
    metadata: metadata ?? {},
    tools: (chat.tools?.length ?? 0) > 0,
    promptTokens: once(() => estimateUsage(chat, 0).promptTokens),
    // More text makes a language no clearer, only slower to tell.
    language: once(() => detect(text().slice(0, 1_000))),
    probability: (classifier, label) => {
      const key = JSON.stringify([classifier, label])
      const known = asked.get(key) ?? probabilityOf({ classifier, label, text: text(), signal })
      asked.set(key, known)
      return known
    },
  }
}

const lastSaid = (input: AnswerRequest['chat']['input']): string => {
  if (input.kind === 'text') return input.prompt
  const content = input.messages.findLast(({ role }) => role === 'user')?.content ?? ''
  return typeof content === 'string' ? content : content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
}

const once = <Value>(make: () => Value): (() => Value) => {
  let made: { value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
