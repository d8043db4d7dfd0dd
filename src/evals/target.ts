import type { Answer, AnswerRequest } from '../answer/request.ts'
import type { Principal } from '../keys/principal.ts'
import { type Clock, stopwatch } from '../lib/clock.ts'
import { AppError } from '../lib/errors.ts'
import { uuidv7 } from '../lib/ids.ts'
import type { ChatModel } from '../models/chat-model.ts'
import { openAiCompatible } from '../models/providers/openai-compatible.ts'
import type { Route, RouteTable, Variant } from '../rollout/route.ts'
import type { Output, OutputPassage } from './scorer.ts'
import type { Case, Suite, Target } from './suite.ts'

export type Asked = { output: Output; costUsd: number | null }

/** Something that answers cases. Its identity is in runs and in the key of stored answers. */
export type AskTarget = {
  route: string | null
  variant: string | null
  /** Of the route's variant; of a hosted URL, its address and model. */
  identity: string
  variantHash: string | null
  prompt: { name: string; label?: string | undefined; version?: string | undefined } | null
  ask(one: Case, more: { repeat: number; seed: number | undefined; signal: AbortSignal }): Promise<Asked>
}

export type TargetDeps = {
  /** The path of every request, without limits and budgets: a run has a budget of its own. */
  answer: (request: AnswerRequest) => Answer
  routes: () => RouteTable
  clock: Clock
}

/** Resolves what a suite asks. Throws `model_not_found` for a route that is not there, `invalid_request` for a variant. */
export const createTarget = (suite: Suite, runId: string, deps: TargetDeps, overrides: { variant?: string | undefined } = {}): AskTarget =>
  suite.target.kind === 'url' ? hostedTarget(suite, suite.target) : routeTarget(suite, suite.target, runId, deps, overrides.variant)

const routeTarget = (
  suite: Suite,
  target: Exclude<Target, { kind: 'url' }>,
  runId: string,
  { answer, routes, clock }: TargetDeps,
  named?: string,
): AskTarget => {
  const name = target.kind === 'route' ? target.route : target.model
  const route = routes().get(name)
  if (route === undefined) throw new AppError('model_not_found', `there is no route or model '${name}' to evaluate`)
  const variant = variantOf(route, named ?? (target.kind === 'route' ? target.variant : undefined))
  const prompt = target.kind === 'prompt' ? { name: target.prompt, label: target.label, version: target.version } : null
  const wantsVariables = target.kind === 'prompt' || target.variables
  const wantsLogprobs = suite.cases.some(({ assertions }) => assertions.some(({ type }) => type === 'perplexity'))
  const principal: Principal = { keyId: null, tenant: suite.tenant, scopes: ['inference'] }
  return {
    route: name,
    variant: variant.name,
    identity: JSON.stringify([variant.hash, prompt]),
    variantHash: variant.hash,
    prompt: prompt ?? variant.prompt ?? null,
    ask: async (one, { repeat, seed, signal }) => {
      const given = answer({
        id: uuidv7(),
        startedAtMs: clock(),
        elapsedMs: stopwatch(),
        route: name,
        subject: null,
        pin: variant.name,
        principal,
        metadata: { eval_run: runId, eval_case: one.id.slice(0, 200), eval_repeat: String(repeat) },
        purpose: 'eval',
        signal,
        endpoint: 'chat',
        stream: false,
        prompt,
        variables: wantsVariables ? one.variables : null,
        chat: {
          input: { kind: 'chat', messages: one.turns },
          sampling: { ...suite.params, seed, topLogprobs: wantsLogprobs ? 0 : undefined },
          tools: one.tools,
          incremental: false,
          cache: { mode: 'off' },
        },
      })
      for await (const _ of given.events);
      const [choice] = given.choices
      const { trace } = given
      return {
        output: {
          text: choice?.text ?? '',
          toolCalls: choice?.toolCalls ?? [],
          finishReason: choice?.finishReason ?? null,
          logprobs: choice?.logprobs?.map(({ logprob }) => logprob) ?? null,
          promptTokens: trace.promptTokens,
          completionTokens: trace.completionTokens,
          latencyMs: trace.latencyMs,
          firstTokenMs: trace.firstTokenMs,
          costUsd: trace.costUsd,
          passages: passagesOf(trace.payload?.passages),
        },
        costUsd: trace.costUsd,
      }
    },
  }
}

/** The one that was named, else the one that most subjects get. */
const variantOf = (route: Route, named: string | undefined): Variant => {
  if (named === undefined) return route.variants.reduce((most, variant) => (variant.weightPercent > most.weightPercent ? variant : most))
  const variant = route.variants.find(({ name, hash }) => name === named || hash === named)
  if (variant === undefined) {
    throw new AppError(
      'invalid_request',
      `'${route.name}' has no variant '${named}': it has ${route.variants.map(({ name }) => name).join(', ')}`,
    )
  }
  return variant
}

export const passagesOf = (recorded: unknown): OutputPassage[] => {
  const passages = (recorded as { passages?: { externalId?: string; chunkId?: string; text?: string }[] } | undefined)?.passages ?? []
  return passages.map(({ externalId, chunkId, text }) => ({ id: externalId ?? chunkId ?? '', text: text ?? '' }))
}

const hostedTarget = (suite: Suite, target: Extract<Target, { kind: 'url' }>): AskTarget => {
  const model: ChatModel = openAiCompatible({
    id: target.model,
    baseUrl: target.url,
    apiKey: target.apiKey,
    headers: target.headers,
    model: target.model,
  })
  return {
    route: null,
    variant: null,
    identity: JSON.stringify([target.url, target.model]),
    variantHash: null,
    prompt: null,
    ask: async (one, { seed, signal }) => {
      const elapsedMs = stopwatch()
      const output: Output = { ...blank }
      const events = model.stream({
        input: { kind: 'chat', messages: one.turns },
        sampling: { ...suite.params, seed },
        tools: one.tools,
        incremental: false,
        tenant: suite.tenant,
        requestId: uuidv7(),
        signal,
      })
      let text = ''
      const calls = new Map<number, { id: string; name: string; arguments: string }>()
      for await (const event of events) {
        if (event.type === 'text-delta') text += event.text
        else if (event.type === 'finish') output.finishReason = event.reason
        else if (event.type === 'usage')
          Object.assign(output, { promptTokens: event.usage.promptTokens, completionTokens: event.usage.completionTokens })
        else if (event.type === 'tool-call-delta') {
          const call = calls.get(event.index) ?? { id: '', name: '', arguments: '' }
          calls.set(event.index, { id: event.id ?? call.id, name: event.name ?? call.name, arguments: call.arguments + event.arguments })
        }
      }
      return { output: { ...output, text, toolCalls: [...calls.values()], latencyMs: elapsedMs() }, costUsd: null }
    },
  }
}

export const blank: Output = {
  text: '',
  toolCalls: [],
  finishReason: null,
  logprobs: null,
  promptTokens: null,
  completionTokens: null,
  latencyMs: null,
  firstTokenMs: null,
  costUsd: null,
  passages: [],
}
