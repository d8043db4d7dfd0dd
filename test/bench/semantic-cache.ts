/**
 * Question: of questions in other words, how many does the semantic cache answer, and how many look-alikes does it answer wrongly, by threshold, with and
 * without its guards? And how much longer does a request that finds nothing take?
 *
 * Method: pairs written by hand: 40 of one meaning, 40 that differ in a negation, a number, a name, a time, a direction or one word. Each is asked of the
 * bundled `starter-embed` through the onnx child. The time is that of a lookup among 500 questions: one embedding of its own, the comparison and the guards.
 *
 * And on questions that nobody wrote for this: 3,000 of the training set of banking77, drawn with a seed, each looked up among those before it. A hit counts
 * as wrong when the two have different ones of the 77 intents. Many of these say the same under two labels, and people who ask with one intent may still
 * ask for different things: the figure compares thresholds rather than tells how often a customer is misled. The guards were last changed after a look at
 * the test set, so the training set is the unseen one.
 *
 *   bun test/bench/semantic-cache.ts [folder of data sets]        (default: ../shared/data, or WEIR_TEST_SHARED/data)
 */
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { differenceOf } from '../../src/cache/semantic/guards.ts'
import { createNeighbours, dot } from '../../src/cache/semantic/neighbours.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { sha256File } from '../../src/lib/hash.ts'
import { seededRandom } from '../../src/lib/stats/random.ts'

const directory = resolve(import.meta.dirname, '../../data/models/starter-embed')
const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']
const files = await Promise.all(names.map(async (path) => ({ path, sha256: await sha256File(join(directory, path)) })))
const engine = createOnnxEngine({ cacheDir: join(tmpdir(), 'weir-bench'), log: () => undefined })
const embedder = engine.embedder({ id: 'bench', directory, files, dimensions: 256 })
const vectorsOf = async (texts: string[]) =>
  (await embedder.embed({ texts, tenant: 'bench', requestId: 'bench', purpose: 'query', signal: AbortSignal.timeout(60_000) })).vectors

const same = `
How do I reset my password? | how can I reset my password
How do I reset my password? | I forgot my password, how do I set a new one?
Where can I download my invoice? | where do I download the invoice
Where can I download my invoice? | In which place do I find a bill to download?
What are your opening hours? | what are the opening hours please
What are your opening hours? | When is your shop open?
How long does shipping take? | how long does the shipping take
How long does shipping take? | What is the usual delivery time?
Can I change my delivery address? | may I change the delivery address
Can I change my delivery address? | Is it possible to send the order somewhere else?
Do you ship to Norway? | do you ship to norway
Do you ship to Norway? | Is delivery to Norway possible?
How do I cancel my subscription? | please tell me how to cancel the subscription
How do I cancel my subscription? | What are the steps for ending a subscription?
Which payment methods do you accept? | which payment method do you accept
Which payment methods do you accept? | What ways of paying are possible?
How do I contact support? | how can I contact the support
How do I contact support? | What is the way to reach somebody who helps?
Is there a student discount? | is there any student discount
Is there a student discount? | Do students pay less?
What is the refund policy? | what's the refund policy?
What is the refund policy? | Under which conditions is money given back?
How do I track my parcel? | how can I track the parcels
How do I track my parcel? | Where do I see the state of a shipment?
Can I return an item within 14 days? | may I return items within 14 days
Can I return an item within 14 days? | Is sending a product back after 14 days possible?
How do I install the app on Linux? | how can I install the app on linux
How do I install the app on Linux? | What are the steps for setting up the Linux app?
What does the premium plan include? | what is included in the premium plan
What does the premium plan include? | Which features come with premium?
How many users may share an account? | how many users can share an account
How many users may share an account? | What is the maximum of people on one login?
Is my data encrypted? | is the data encrypted
Is my data encrypted? | Do you store information in encrypted form?
How do I export my contacts? | how can I export the contacts
How do I export my contacts? | Is there a way of getting contacts out as a file?
Why was my card declined? | why was the card declined
Why was my card declined? | What is the reason that paying by card failed?
How do I turn on notifications? | how can I turn on the notification
How do I turn on notifications? | What do I do to get notified?`

const different = `
Is smoking allowed? | Is smoking not allowed?
Are dogs allowed in the room? | Are dogs forbidden in the room?
Which rooms have a bath? | Which rooms have no bath?
Can I pay with a card? | Can I not pay with a card?
Are children admitted? | Are only children admitted?
Is breakfast included? | Is breakfast excluded?
Can I return an item within 5 days? | Can I return an item within 7 days?
Can I return an item within 5 days? | Can I return an item within 5 weeks?
Can I return an item within five days? | Can I return an item within seven days?
What does the plan with 10 users cost? | What does the plan with 100 users cost?
Is a bag of 20 kg free? | Is a bag of 30 kg free?
What happens at 5% battery? | What happens at 50% battery?
Does version 2.1 support it? | Does version 2.0 support it?
Do you ship to Norway? | Do you ship to Sweden?
What is the capital of Austria? | What is the capital of Australia?
Who founded Siemens? | Who founded Bosch?
Does the app run on Linux? | Does the app run on Windows?
weather in paris | weather in london
flights from Rome to Paris | flights from Paris to Rome
Did Anna pay Bob? | Did Bob pay Anna?
How do I turn on notifications? | How do I turn off notifications?
How do I log in? | How do I log out?
How do I import contacts? | How do I export contacts?
How do I enable two factor login? | How do I disable two factor login?
What is the minimum order? | What is the maximum order?
When does the shop open? | When does the shop close?
When does the shop open? | Where does the shop open?
What is the first train? | What is the last train?
Which plan is the cheapest? | Which plan is the best?
Do I pay before the trip? | Do I pay after the trip?
Is the fee charged monthly? | Is the fee charged yearly?
Is the pool open in summer? | Is the pool open in winter?
How do I increase the volume? | How do I decrease the volume?
Can I bring my cat? | Can I bring my dog?
Is parking free? | Is overnight parking free?
May guests cancel? | Must guests cancel?
What is the price for adults? | What is the price for children?
How do I delete a message? | How do I delete an account?
What are the side effects of aspirin? | What are the side effects of ibuprofen?
Is the red wine dry? | Is the white wine dry?`

const pairsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(' | ') as [string, string])

const measured = async (text: string) => {
  const pairs = pairsOf(text)
  const vectors = await vectorsOf(pairs.flat())
  return pairs.map(([one, other], at) => ({
    similarity: dot(vectors[2 * at] as Float32Array, vectors[2 * at + 1] as Float32Array),
    isGuarded: differenceOf(one, other) !== undefined,
    pair: `${one} | ${other}`,
  }))
}

const [right, wrong] = [await measured(same), await measured(different)]
console.log('threshold  same answered  without guards   look-alikes answered  without guards')
for (const threshold of [0.7, 0.75, 0.8, 0.85, 0.9, 0.95]) {
  const share = (of: typeof right, guarded: boolean) => {
    const answered = of.filter(({ similarity, isGuarded }) => similarity >= threshold && !(guarded && isGuarded)).length
    return `${answered} of ${of.length}`.padEnd(16)
  }
  console.log(String(threshold).padEnd(10), share(right, true), share(right, false), share(wrong, true).padEnd(21), share(wrong, false))
}
for (const { pair, similarity } of wrong.filter(({ isGuarded }) => !isGuarded))
  console.log(`not guarded: ${pair} (${similarity.toFixed(3)})`)

const neighbours = createNeighbours({ maxBytes: 100_000_000 })
const many = Array.from({ length: 500 }, (_, at) => `How do I reset the password of account ${at}?`)
const manyVectors = await vectorsOf(many)
many.forEach((text, at) => void neighbours.add('place', { digest: String(at), text, vector: manyVectors[at] as Float32Array }))
const times = { embedding: [] as number[], comparison: [] as number[] }
for (let index = 0; index < 300; index += 1) {
  const question = `Tell me how to reset the password of customer ${index}`
  const startedMs = performance.now()
  const [vector] = await vectorsOf([question])
  const embeddedMs = performance.now()
  for (const { neighbour } of neighbours.near('place', vector as Float32Array, 0.8).slice(0, 5)) differenceOf(neighbour.text, question)
  times.embedding.push(embeddedMs - startedMs)
  times.comparison.push(performance.now() - embeddedMs)
}
for (const [name, all] of Object.entries(times)) {
  const sorted = all.toSorted((left, right) => left - right)
  console.log(`${name}: p50 ${sorted[150]?.toFixed(2)} ms, p99 ${sorted[297]?.toFixed(2)} ms`)
}

const folder = process.argv[2] ?? join(process.env.WEIR_TEST_SHARED ?? resolve(import.meta.dirname, '../../../shared'), 'data')
const banking = join(folder, 'banking77/train.csv')
if (existsSync(banking)) {
  const random = seededRandom(20_261_127)
  const rows = (parse(readFileSync(banking), { columns: true }) as { text: string; category: string }[])
    .map((row) => ({ ...row, at: random() }))
    .sort((left, right) => left.at - right.at)
    .slice(0, 3000)
  const vectors: Float32Array[] = []
  for (let from = 0; from < rows.length; from += 256)
    vectors.push(...(await vectorsOf(rows.slice(from, from + 256).map(({ text }) => text))))
  console.log('banking77: threshold  answered (wrong)  without guards (wrong)')
  for (const threshold of [0.7, 0.8, 0.85, 0.9, 0.95]) {
    const counts = [true, false].map((guarded) => {
      let [hits, wrongly] = [0, 0]
      rows.forEach(({ text, category }, at) => {
        const near = rows
          .slice(0, at)
          .map((row, other) => ({ ...row, similarity: dot(vectors[other] as Float32Array, vectors[at] as Float32Array) }))
          .filter(({ similarity }) => similarity >= threshold)
          .sort((left, right) => right.similarity - left.similarity)
        const hit = near.slice(0, 5).find((row) => !guarded || differenceOf(row.text, text) === undefined)
        if (hit === undefined) return
        hits += 1
        if (hit.category === category) return
        wrongly += 1
        if (guarded && threshold === 0.9) console.log(`wrong: ${text} [${category}] | ${hit.text} [${hit.category}]`)
      })
      return `${hits} (${wrongly}: ${((100 * wrongly) / Math.max(1, hits)).toFixed(1)} %)`
    })
    console.log(' '.repeat(11) + String(threshold).padEnd(10), counts[0]?.padEnd(17), counts[1])
  }
} else console.log(`banking77 left out: it is not in ${folder}`)

await engine.close()
