/** Whether a JSON value is nested at most so many levels deep; looks no deeper than that. */
export const isShallow = (value: unknown, levels: number): boolean => {
  if (value === null || typeof value !== 'object') return true
  if (levels === 0) return false
  for (const item of Object.values(value)) if (!isShallow(item, levels - 1)) return false
  return true
}
