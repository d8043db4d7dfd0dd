/** Sends feedback until it is killed: `bun telling-process.ts <stateDir>`. Prints the number of each one that was acknowledged. */
import { openDatabase } from '../../src/db/database.ts'
import { feedbackApp, post } from './support.ts'

const { db } = await openDatabase({ url: process.env.FEEDBACK_DATABASE_URL, stateDir: process.argv[2] as string })
const app = feedbackApp({ db })
for (let value = 0; ; value += 8) {
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const { status } = await post(app, { metric: 'revenue', value: value + index, subject: 'ann', idempotency_key: `${value + index}` })
      if (status === 200) console.log(value + index)
    }),
  )
}
