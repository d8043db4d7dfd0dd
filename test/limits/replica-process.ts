/** A replica under a flood. Arguments: database URL, limit per day, requests. Prints how many were admitted. */
import { openDatabase } from '../../src/db/database.ts'
import { createLeases } from '../../src/limits/leases.ts'
import { postgresLedger } from '../../src/limits/postgres-ledger.ts'

const [url = '', limit, count] = process.argv.slice(2)
await using database = await openDatabase({ url, stateDir: '', connections: 2 })
const leases = createLeases({ ledger: postgresLedger({ db: database.db, clock: Date.now }), clock: Date.now })
const allowance = {
  subject: 'limit tenant acme requests_per_day',
  title: 'requests per day for tenant acme',
  window: { kind: 'sliding', lengthMs: 86_400_000 },
  limit: Number(limit),
  code: 'rate_limited',
} as const

let admitted = 0
const worker = async () => {
  for (let index = 0; index < Number(count) / 20; index += 1) {
    await leases.take(allowance, 1).then(
      () => {
        admitted += 1
      },
      () => {},
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
await Promise.all(Array.from({ length: 20 }, worker))
console.log(admitted)
await leases.close()
