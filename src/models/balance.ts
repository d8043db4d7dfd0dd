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
  const members = deployments.map(createMember)
  const inTurn = (list: Member[]) => fallback(list.map((member) => member.model) as [ChatModel, ...ChatModel[]], id)
  return around(inTurn(members), (request) => inTurn(order(members, options)).stream(request))
}

type Member = Omit<Deployment, 'model'> & { model: ChatModel; inFlight(): number }

const createMember = ({ model, ...deployment }: Deployment): Member => {
  let inFlight = 0
  const counted = around(model, async function* (request) {
    inFlight += 1
    try {
      yield* model.stream(request)
    } finally {
      inFlight -= 1
    }
  })
  return { ...deployment, model: counted, inFlight: () => inFlight }
}

/** Who to try, in turn. Resting deployments come last: when all rest, the error says so. */
const order = (members: readonly Member[], { strategy, random = Math.random }: BalanceOptions): Member[] => {
  const rank = new Map<Member, number>()
  for (const member of members) {
    // Efraimidis & Spirakis 2006: sorting by -ln(u)/weight draws without replacement in proportion to weight.
    const draw = -Math.log(1 - random()) / member.weight
    rank.set(member, strategy === 'weighted' ? draw : member.inFlight() / member.weight + draw * tieBreak)
  }
  const resting = (member: Member) => (member.available?.() === false ? 1 : 0)
  return [...members].sort((left, right) => resting(left) - resting(right) || (rank.get(left) as number) - (rank.get(right) as number))
}

/** Small against one request in flight: chance decides only between equals. */
const tieBreak = 1e-9
