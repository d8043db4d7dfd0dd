import { z } from 'zod'

/** Who may call besides those with keys. */
export const auth = z
  .strictObject({
    /** Bearer tokens of an OpenID provider. */
    oidc: z
      .strictObject({
        /** Exactly as the `iss` claim has it. */
        issuer: z.url().refine(isSafe, 'must be https, or on this machine'),
        /** What `aud` must name: this service. */
        audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform((one) => [one].flat()),
        /** Where the provider publishes its keys; found by discovery when absent. */
        jwks_uri: z.url().refine(isSafe, 'must be https, or on this machine').optional(),
        /** The claim that names the tenant. */
        tenant_claim: z.string().min(1),
        /** The claim with the scopes; without it tokens have the scope `inference`. */
        scopes_claim: z.string().min(1).optional(),
        /** What the provider calls them. */
        scopes: z
          .strictObject({ inference: z.string().min(1).default('inference'), admin: z.string().min(1).default('admin') })
          .prefault({}),
      })
      .optional(),
  })
  .prefault({})

function isSafe(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
}
