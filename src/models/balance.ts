import type { ChatModel } from './chat-model.ts'
import { fallback } from './fallback.ts'
import { around } from './wrap.ts'

export type Deployment = {
  model: ChatModel
  weight: number
  /** False while the deployment's breaker keeps calls away. */
  available?: (() => boolean) | undefined
}

export type BalanceOptions = {
  /** `weighted`: at random by weight. `least_busy`: fewest requests in flight for its weight. */
  strategy: 'weighted' | 'least_busy'
  /** In [0, 1). */
  random?: (() => number) | undefined
}

/** Spreads one model's requests over its deployments; one that fails before its first event gives way to the next in the same draw. */
export const balance = (id: string, deployments: readonly Deployment[], options: BalanceOptions): ChatModel => {
  const members = deployments.map((deployment): Member => ({ inFlight: 0, model: deployment.model, deployment }))
  for (const member of members) {
    member.model = around(member.deployment.model, async function* (request) {
      member.inFlight += 1
      try {
        yield* member.deployment.model.stream(request)
      } finally {
        member.inFlight -= 1
      }
    })
  }
  const inOrder = (list: Member[]) => fallback(list.map((member) => member.model) as [ChatModel, ...ChatModel[]], id)
  return around(inOrder(members), (request) => inOrder(order(members, options)).stream(request))
}

type Member = { inFlight: number; model: ChatModel; deployment: Deployment }

/** Who to try, in turn. Resting deployments come last: when all rest, the error says so. */
const order = (members: readonly Member[], { strategy, random = Math.random }: BalanceOptions): Member[] => {
  const rank = new Map<Member, number>()
  for (const member of members) {
    const { weight } = member.deployment
    // Efraimidis & Spirakis 2006: sorting by -ln(u)/weight draws without replacement in proportion to weight.
    const draw = -Math.log(1 - random()) / weight
    rank.set(member, strategy === 'weighted' ? draw : member.inFlight / weight + draw * tieBreak)
  }
  const resting = (member: Member) => (member.deployment.available?.() === false ? 1 : 0)
  return [...members].sort((left, right) => resting(left) - resting(right) || (rank.get(left) as number) - (rank.get(right) as number))
}

/** Small against one request in flight: chance decides only between equals. */
const tieBreak = 1e-9
