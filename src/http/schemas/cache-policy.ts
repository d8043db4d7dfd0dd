import type { CachePolicy } from '../../models/chat-model.ts'
import type { WeirExtras } from './weir.ts'

/**
 * What a request wants of the cache. The header `Cache-Control` can only ask for less of it (RFC 9111 §5.2.1): `no-store` neither reads nor
 * writes, `no-cache` reads nothing, `max-age` reads nothing older.
 */
export const toCachePolicy = (weir: WeirExtras, cacheControl: string | undefined): CachePolicy | undefined => {
  const asked: CachePolicy | undefined = weir?.cache
    ? { mode: weir.cache.mode, maxAgeS: weir.cache.max_age_s, namespace: weir.cache.namespace, semantic: weir.cache.semantic }
    : undefined
  if (cacheControl === undefined) return asked
  const directives = new Map(cacheControl.toLowerCase().split(',').map(directive))
  if (directives.has('no-store')) return { ...asked, mode: 'off' }
  const maxAgeS = directives.has('no-cache') ? 0 : seconds(directives.get('max-age'))
  return maxAgeS === undefined ? asked : { ...asked, maxAgeS: Math.min(maxAgeS, asked?.maxAgeS ?? maxAgeS) }
}

const directive = (text: string): [string, string] => {
  const [name = '', value = ''] = text.split('=')
  return [name.trim(), value.trim()]
}

/** What cannot be read as a number is ignored, as caches do with directives they do not know. */
const seconds = (value: string | undefined): number | undefined =>
  value !== undefined && /^"?\d{1,9}"?$/.test(value) ? Number(value.replaceAll('"', '')) : undefined
