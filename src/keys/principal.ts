/** Who is asking, as far as the server has proved it. */
export type Principal = {
  /** Null for loopback callers that need no key yet. */
  keyId: string | null
  tenant: string
  scopes: readonly Scope[]
  /** Names the key may call; null or absent: all. */
  allowedRoutes?: readonly string[] | null | undefined
  /** The key's own; may set limits. */
  metadata?: { [key: string]: string } | undefined
}

export const scopes = ['inference', 'admin'] as const
export type Scope = (typeof scopes)[number]

export const mayCall = ({ allowedRoutes }: Principal, route: string): boolean => allowedRoutes?.includes(route) ?? true
