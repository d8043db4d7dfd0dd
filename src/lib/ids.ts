/** Time-ordered id: 48 bits of milliseconds, then a monotonic counter and randomness, so ids sort as they were made. RFC 9562 §5.7. */
export const uuidv7 = (): string => Bun.randomUUIDv7()

/** Milliseconds since the epoch held in a UUIDv7. */
export const uuidv7TimeMs = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

/** True for any UUID as text: what may go into a `uuid` column. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
