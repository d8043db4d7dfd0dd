import { randomBytes } from 'node:crypto'
import { sha256 } from '../lib/hash.ts'

/** A new secret: `weir-` and 256 random bits. Plain sha256 is enough to store it by, since nobody can guess their way to it. */
export const newSecret = (): string => `weir-${randomBytes(32).toString('base64url')}`

/** Lower-case hex; what the database keeps of a secret. */
export const hashSecret = (secret: string): string => sha256(secret)

/** What lists show, to tell keys apart. A short secret of an operator's own choice shows less of itself. */
export const prefixOf = (secret: string): string => secret.slice(0, Math.min(11, Math.floor(secret.length / 4)))
