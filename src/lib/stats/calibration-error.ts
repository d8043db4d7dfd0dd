/**
 * How far the chances given to a positive are from how often it came, averaged over bins by their size: bins of equal width, or of equal
 * count when most chances crowd at the ends. Of the likeliest of several labels: `calibration`. Naeini et al. 2015.
 */
export const calibrationError = (
  outcomes: readonly { score: number; positive: boolean }[],
  { bins = 10, equal = 'width' }: { bins?: number; equal?: 'width' | 'count' } = {},
): number => {
  const gaps = new Float64Array(bins)
  const sorted = [...outcomes].sort((left, right) => left.score - right.score)
  sorted.forEach(({ score, positive }, place) => {
    const bin = Math.floor(equal === 'width' ? score * bins : (place * bins) / sorted.length)
    const within = Math.min(bins - 1, Math.max(0, bin))
    gaps[within] = (gaps[within] as number) + score - (positive ? 1 : 0)
  })
  return sorted.length === 0 ? 0 : gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / sorted.length
}
