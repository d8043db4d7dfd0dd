/** A replica that moves rollouts on. Arguments: database URL, its name, milliseconds that each look at evidence takes. */
import { openDatabase } from '../../src/db/database.ts'
import { createController } from '../../src/rollout/controller.ts'
import { readEvidence } from '../../src/rollout/evidence.ts'
import { hashes } from './support.ts'

const [url = '', name = '', lookMs = '0'] = process.argv.slice(2)
const database = await openDatabase({ url, stateDir: '', connections: 3 })
const say = (what: string) => process.stdout.write(`${what}\n`)
createController({
  db: database.db,
  clock: Date.now,
  busy: () => true,
  wanted: () => [],
  evidenceOf: async (tx, rollout, events) => {
    say('looking')
    await Bun.sleep(Number(lookMs))
    return readEvidence(tx, { rollout, events, declared: {}, everyone: false })
  },
  hashNow: (_route, variant) => hashes[variant as keyof typeof hashes],
  gate: async () => ({ ok: true, reason: 'no gate' }),
  drop: async () => {},
  actor: name,
  tickMs: 50,
  onDecision: (_rollout, { kind }) => say(kind),
  onError: (error) => say(`error ${error}`),
}).start()
say('started')
