import type { EdgeContext } from '../context.ts'

/** Who acts: the key, and the person its holder says they are. Only the key is proved. */
export const actorOf = (c: EdgeContext): string => {
  const { keyId } = c.get('principal')
  const said = c.req.header('x-weir-actor')?.slice(0, 200)
  const proved = keyId === null ? 'local' : `key/${keyId}`
  return said ? `${said} (${proved})` : proved
}
