/** Records traces until it is killed: `bun recording-process.ts <spoolDir>`. Prints the count after each flush that has reached the disk. */
import type { Database } from '../../src/db/database.ts'
import { createRecorder } from '../../src/traces/recorder.ts'
import { aTrace } from '../support/trace.ts'

const away = new Proxy({} as Database, { get: () => () => Promise.reject(new Error('no database here')) })
const recorder = createRecorder({ spoolDir: process.argv[2] as string, db: away })
recorder.start()
for (let recorded = 0; ; ) {
  for (let index = 0; index < 50; index++, recorded++) recorder.record(aTrace({ attempts: recorded }))
  if (recorded % 500 === 0) {
    await recorder.flush()
    console.log(recorded)
  } else await Bun.sleep(1)
}
