/** Milliseconds since the epoch. Passed down, so that tests own time. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/** Milliseconds since now, to the microsecond, by a clock that is never set back: for durations. */
export const stopwatch = (): Clock => {
  const start = performance.now()
  return () => performance.now() - start
}
