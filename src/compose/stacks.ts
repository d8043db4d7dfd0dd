import type { RouteConfig, WeirConfig } from '../config/schema.ts'
import type { Clock } from '../lib/clock.ts'
import { balance } from '../models/balance.ts'
import { type Breaker, createBreaker } from '../models/breaker.ts'
import type { ChatModel } from '../models/chat-model.ts'
import { circuitBreaker } from '../models/circuit-breaker.ts'
import { fallback } from '../models/fallback.ts'
import { limit } from '../models/limit.ts'
import { retry } from '../models/retry.ts'
import { timeouts } from '../models/timeouts.ts'
import { wrap } from '../models/wrap.ts'

type Resilience = Pick<RouteConfig, 'timeouts' | 'retry'>

export type Stacks = {
  /** The model that serves a variant: its own first, then its fallbacks. Undefined when none of them is configured. */
  serve(variant: { model: string; fallback: readonly string[] }, resilience?: Resilience): ChatModel | undefined
  breakers: ReadonlyMap<string, Breaker>
}

/** What stands around bare models. One breaker and one limit per model, shared by every route that uses it. */
export const createStacks = (config: WeirConfig, chat: ReadonlyMap<string, ChatModel>, clock: Clock): Stacks => {
  const { breaker } = config.defaults
  const breakers = new Map<string, Breaker>()
  const limited = new Map<string, ChatModel>()
  for (const [id, model] of chat) {
    breakers.set(
      id,
      createBreaker(
        { failureRatio: breaker.failure_ratio, minCalls: breaker.min_calls, windowMs: breaker.window_ms, cooldownMs: breaker.cooldown_ms },
        clock,
      ),
    )
    const settings = config.models[id]
    const concurrency = settings && 'max_concurrency' in settings ? settings.max_concurrency : undefined
    limited.set(id, concurrency === undefined ? model : wrap(model, limit({ concurrency, maxQueue: concurrency * 4 })))
  }

  const attempt = (id: string, resilience: Resilience): ChatModel | undefined => {
    const model = limited.get(id)
    const guard = breakers.get(id)
    if (!model || !guard) return undefined
    const times = resilience.timeouts
    const again = resilience.retry
    const standard = config.defaults
    return wrap(
      model,
      // Outside retry: an open breaker must send the request on to the fallback at once, not be waited for.
      circuitBreaker(guard),
      retry({
        attempts: again?.attempts ?? standard.retry.attempts,
        baseMs: again?.base_ms ?? standard.retry.base_ms,
        maxMs: again?.max_ms ?? standard.retry.max_ms,
      }),
      timeouts({
        connectMs: times?.connect_ms ?? standard.timeouts.connect_ms,
        firstTokenMs: times?.first_token_ms ?? standard.timeouts.first_token_ms,
        idleMs: times?.idle_ms ?? standard.timeouts.idle_ms,
      }),
    )
  }

  const named = (id: string, resilience: Resilience): ChatModel | undefined => {
    const settings = config.models[id]
    if (!settings || !('deployments' in settings)) return attempt(id, resilience)
    const deployments = settings.deployments.flatMap(({ model: member, weight }) => {
      const model = attempt(member, resilience)
      return model ? [{ model, weight, available: () => breakers.get(member)?.admits() ?? false }] : []
    })
    return deployments.length > 0 ? balance(id, deployments, { strategy: settings.balance }) : undefined
  }

  return {
    breakers,
    serve: (variant, resilience = {}) => {
      const [first, ...others] = [variant.model, ...variant.fallback].flatMap((id) => named(id, resilience) ?? [])
      if (!first) return undefined
      const totalMs = resilience.timeouts?.total_ms ?? config.defaults.timeouts.total_ms
      // A lone model needs no fallback around each of its events.
      return wrap(others.length === 0 ? first : fallback([first, ...others]), timeouts({ totalMs }))
    },
  }
}
