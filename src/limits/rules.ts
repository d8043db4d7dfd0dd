/** Whom a limit or budget counts for: each key, tenant, organisation, route or model by itself. */
export const dimensions = ['key', 'tenant', 'organisation', 'route', 'model'] as const
export type Dimension = (typeof dimensions)[number]

/** Who asks for what. Callers without a key have none, and most tenants have no organisation. */
export type Who = { key: string | null; tenant: string; organisation: string | null; route: string; model: string }

/** What can be limited, and over which span. Names are those of `weir.yaml` and of key metadata. */
export const rateLimits = {
  requests_per_minute: { unit: 'requests', lengthMs: 60_000 },
  requests_per_day: { unit: 'requests', lengthMs: 86_400_000 },
  tokens_per_minute: { unit: 'tokens', lengthMs: 60_000 },
  tokens_per_day: { unit: 'tokens', lengthMs: 86_400_000 },
} as const
export type RateLimitName = keyof typeof rateLimits
export const rateLimitNames = Object.keys(rateLimits) as RateLimitName[]
export const limitNames = [...rateLimitNames, 'concurrency'] as const

/** `concurrency`: requests at the same time, counted by each replica for itself. */
export type Limits = { [Name in (typeof limitNames)[number]]?: number | undefined }

/** Holds for every one of its dimension, or for the one it names. */
export type Rule = Limits & { per: Dimension; name?: string | undefined }

/** Those that count for somebody: of each dimension the ones with their name, else the ones without a name. */
export const applying = <Named extends { per: Dimension; name?: string | undefined }>(rules: readonly Named[], who: Who): Named[] =>
  dimensions.flatMap((dimension) => {
    const value = who[dimension]
    if (value === null) return []
    const ofDimension = rules.filter((rule) => rule.per === dimension)
    const own = ofDimension.filter((rule) => rule.name === value)
    return own.length > 0 ? own : ofDimension.filter((rule) => rule.name === undefined)
  })

/** The limits that a key's metadata sets, in place of those for every key. */
export const limitsInMetadata = (metadata: { [name: string]: string } | undefined): Limits | undefined => {
  let found: Limits | undefined
  for (const name of limitNames) {
    const value = metadata?.[name]
    if (value !== undefined && isLimit(value)) found = { ...found, [name]: Number(value) }
  }
  return found
}

export const isLimit = (text: string): boolean => /^[1-9]\d{0,11}$/.test(text)
