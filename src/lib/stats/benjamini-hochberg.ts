/** p-values adjusted so that calling those ≤ q significant keeps the false discovery rate at q. Order is kept. Benjamini & Hochberg 1995. */
export const benjaminiHochberg = (pValues: readonly number[]): number[] => {
  const order = pValues.map((p, index) => ({ p, index })).sort((left, right) => right.p - left.p)
  const adjusted = new Array<number>(pValues.length)
  let smallest = 1
  order.forEach(({ p, index }, place) => {
    smallest = Math.min(smallest, (p * pValues.length) / (pValues.length - place))
    adjusted[index] = smallest
  })
  return adjusted
}
