/**
 * Writes what comes while a write is under way in one go once that has ended. Each caller waits for the write that holds its own, and hears of
 * its failure.
 */
export const writeTogether = <Item>(write: (items: readonly Item[]) => Promise<void>): ((item: Item) => Promise<void>) => {
  let last: Promise<void> = Promise.resolve()
  let next: { items: Item[]; written: Promise<void> } | undefined
  return (item) => {
    if (next === undefined) {
      const own = { items: [] as Item[], written: Promise.resolve() }
      const begin = () => {
        next = undefined
        return write(own.items)
      }
      own.written = last.then(begin, begin)
      last = own.written
      next = own
    }
    next.items.push(item)
    return next.written
  }
}
