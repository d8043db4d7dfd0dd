import { seededRandom } from '../lib/stats/random.ts'

/** Most vectors of a side that are kept and looked at: the work grows with their square. */
export const mostVectors = 1000

/** Places of at most `most` of `size` items, all choices equally likely, in rising order. */
export const subsample = (size: number, most: number, seed: number): number[] => {
  const places = Array.from({ length: size }, (_, place) => place)
  if (size <= most) return places
  const random = seededRandom(seed)
  for (let place = 0; place < most; place++) {
    const other = place + Math.floor(random() * (size - place))
    const [one, two] = [places[place] as number, places[other] as number]
    places[place] = two
    places[other] = one
  }
  return places.slice(0, most).sort((left, right) => left - right)
}

/** Vectors as rows of one array, with rows of zeros up to a multiple of four. */
export type Rows = { values: Float32Array; size: number; dimensions: number }

export const rowsOf = (...sides: (readonly Float32Array[])[]): Rows => {
  const vectors = sides.flat()
  const dimensions = vectors[0]?.length ?? 0
  const values = new Float32Array(Math.ceil(vectors.length / 4) * 4 * dimensions)
  vectors.forEach((vector, row) => {
    values.set(vector, row * dimensions)
  })
  return { values, size: vectors.length, dimensions }
}

/** Squared distances `[size × size]`, both triangles. */
export const squaredDistances = (rows: Rows): Float32Array => {
  const { size } = rows
  const products = innerProducts(rows)
  const norms = Float64Array.from({ length: size }, (_, row) => products[row * size + row] as number)
  for (let row = 0; row < size; row++) {
    const norm = norms[row] as number
    for (let column = 0; column < size; column++) {
      const place = row * size + column
      const distance = norm + (norms[column] as number) - 2 * (products[place] as number)
      products[place] = row === column ? 0 : Math.max(0, distance)
    }
  }
  return products
}

/** Inner products `[size × size]`, both triangles. Tiles of two rows by four read each vector once for several products. */
export const innerProducts = ({ values, size, dimensions }: Rows): Float32Array => {
  const products = new Float32Array(size * size)
  // Plain locals below: destructuring there costs twenty times the products.
  const put = (row: number, column: number, product: number) => {
    if (row > column || column >= size) return
    products[row * size + column] = product
    products[column * size + row] = product
  }
  for (let row = 0; row < size; row += 2) {
    const one = row * dimensions
    const two = one + dimensions
    for (let column = row - (row % 4); column < size; column += 4) {
      const a = column * dimensions
      const b = a + dimensions
      const c = b + dimensions
      const d = c + dimensions
      let oneA = 0
      let oneB = 0
      let oneC = 0
      let oneD = 0
      let twoA = 0
      let twoB = 0
      let twoC = 0
      let twoD = 0
      for (let place = 0; place < dimensions; place++) {
        const first = values[one + place] as number
        const second = values[two + place] as number
        const valueA = values[a + place] as number
        const valueB = values[b + place] as number
        const valueC = values[c + place] as number
        const valueD = values[d + place] as number
        oneA += first * valueA
        oneB += first * valueB
        oneC += first * valueC
        oneD += first * valueD
        twoA += second * valueA
        twoB += second * valueB
        twoC += second * valueC
        twoD += second * valueD
      }
      put(row, column, oneA)
      put(row, column + 1, oneB)
      put(row, column + 2, oneC)
      put(row, column + 3, oneD)
      put(row + 1, column, twoA)
      put(row + 1, column + 1, twoB)
      put(row + 1, column + 2, twoC)
      put(row + 1, column + 3, twoD)
    }
  }
  return products
}
