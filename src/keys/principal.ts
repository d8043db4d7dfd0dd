/** Who is asking, as far as the server has proved it. */
export type Principal = {
  /** Null for loopback callers that need no key yet. */
  keyId: string | null
  /** The isolation unit: whose caches, traces, files and prompts these are. */
  tenant: string
  /** Above the tenant, for limits, budgets and reports; null or absent when there is none. */
  organisation?: string | null | undefined
  scopes: readonly Scope[]
  /** Names the key may call; null or absent: all. */
  allowedRoutes?: readonly string[] | null | undefined
  /** Origins of web pages that may act for it; null or absent: none is asked for, and no page is let to read. */
  allowedOrigins?: readonly string[] | null | undefined
  /** The key's own; may set limits. */
  metadata?: { [key: string]: string } | undefined
}

export const scopes = ['inference', 'admin'] as const
export type Scope = (typeof scopes)[number]

export const mayCall = ({ allowedRoutes }: Principal, route: string): boolean => allowedRoutes?.includes(route) ?? true

/** What a tenant or an organisation may be called: nothing that looks like another, or like a path. */
export const tenantName = /^[a-z0-9][a-z0-9_-]{0,62}$/
