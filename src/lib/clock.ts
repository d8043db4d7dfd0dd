/** Milliseconds since the epoch. Passed down, so that tests own time. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
