/**
 * Question: what share of llama-server's throughput does the local engine reach on the same GGUF, at 1, 4 and 8 streams?
 *
 * Method: a random llama-architecture model of 110M parameters in q8_0 (made here; weights do not change the speed), one context of eight
 * sequences, the same number of threads, prompts of 64 tokens that differ from the first token on, 128 tokens generated at temperature 1 with
 * top-k, top-p and min-p off. Both sides are called as their clients call them: llama-server over HTTP with streaming, the engine through the chat port, so its
 * child process and channel count. Runs alternate (A B A B …) and the median counts, because other work shares the machine; for the same reason
 * tokens per second of CPU time are given too (the model's process alone, from /proc, so on Linux), which a busy neighbour does not change much.
 *
 *   bun test/bench/llama-throughput.ts --server /path/to/llama-server [--model file.gguf] [--threads 1] [--rounds 5] [--runtime bun|node|both] [--streams 1,4,8]
 *
 * llama-server comes from the source that node-llama-cpp carries, so both run one llama.cpp:
 *   git clone node_modules/node-llama-cpp/llama/gitRelease.bundle /tmp/llama.cpp && cmake -S /tmp/llama.cpp -B /tmp/llama.cpp/build \
 *     -DLLAMA_OPENSSL=OFF -DLLAMA_USE_PREBUILT_UI=OFF && cmake --build /tmp/llama.cpp/build --target llama-server
 */
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLlamaEngine } from '../../src/engine/llama/engine.ts'
import { sha256File } from '../../src/lib/hash.ts'
import { writeTinyGguf } from '../support/tiny-gguf.ts'

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    model: { type: 'string' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    runtime: { type: 'string', default: 'auto' },
    temperature: { type: 'string', default: '1' },
    streams: { type: 'string', default: '1,4,8' },
  },
})
const threads = Number(values.threads)
const generated = 128
const temperature = Number(values.temperature)

const modelPath = values.model ?? join(tmpdir(), 'weir-bench-110m.gguf')
if (!existsSync(modelPath)) {
  writeTinyGguf(modelPath, {
    embedding: 768,
    layers: 12,
    feedForward: 2_048,
    heads: 12,
    vocabulary: 32_000,
    contextTokens: 2_048,
    type: 'q8_0',
  })
}

/** Generates on this many streams at once; returns tokens generated, all together. */
type Contender = { name: string; pid: number; run(streams: number): Promise<number>; close(): Promise<void> }

let asked = 0
/** Never the same twice: llama-server would find a repeated prompt in its cache and skip it. The made-up vocabulary has one token per letter. */
const prompt = () => {
  asked += 1
  const digits = new Bun.CryptoHasher('sha256').update(String(asked)).digest('hex')
  return [...digits.slice(0, 63)].map((digit) => 'etaoinshrdlucmfw'[Number.parseInt(digit, 16)]).join('')
}

const engine = async (runtime: 'auto' | 'node' | 'bun'): Promise<Contender> => {
  const host = createLlamaEngine({ cacheDir: join(tmpdir(), 'weir-bench'), log: () => undefined, runtime, gpu: false, threads })
  const spec = { id: 'bench', path: modelPath, sha256: await sha256File(modelPath), contextTokens: 512, sequences: 8 }
  const model = host.chatModel(spec)
  const { signal } = new AbortController()
  await host.load(spec, signal)
  const one = async () => {
    let tokens = 0
    const sampling = { temperature, maxTokens: generated, seed: asked, logitBias: { 2: -100 } }
    for await (const event of model.stream({
      input: { kind: 'text', prompt: prompt() },
      sampling,
      incremental: true,
      tenant: 'bench',
      requestId: 'bench',
      signal,
    })) {
      if (event.type === 'usage') tokens = event.usage.completionTokens
    }
    return tokens
  }
  return {
    name: `engine on ${host.status().runtime}`,
    pid: host.status().pid ?? 0,
    run: async (streams) => sum(await Promise.all(Array.from({ length: streams }, one))),
    close: () => host.close(),
  }
}

const llamaServer = async (binary: string): Promise<Contender> => {
  const port = 18_000 + (process.pid % 1_000)
  const server = Bun.spawn(
    [
      binary,
      '-m',
      modelPath,
      '-t',
      String(threads),
      '-tb',
      String(threads),
      '-np',
      '8',
      '-c',
      '4096',
      '-b',
      '512',
      '--port',
      String(port),
      '--no-webui',
    ],
    { stdout: 'ignore', stderr: 'ignore' },
  )
  const url = `http://127.0.0.1:${port}`
  while (
    !(await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    ))
  )
    await Bun.sleep(200)
  const one = async () => {
    const body = {
      prompt: prompt(),
      n_predict: generated,
      temperature,
      top_k: 0,
      top_p: 1,
      min_p: 0,
      seed: asked,
      stream: true,
      ignore_eos: true,
      cache_prompt: true,
    }
    const response = await fetch(`${url}/completion`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    const text = await response.text()
    return JSON.parse(text.trim().split('\n').at(-1)?.slice('data: '.length) ?? '{}').tokens_predicted as number
  }
  return {
    name: 'llama-server',
    pid: server.pid,
    run: async (streams) => sum(await Promise.all(Array.from({ length: streams }, one))),
    close: async () => {
      server.kill()
      await server.exited
    },
  }
}

/** CPU time of a process in seconds, at 100 ticks each. */
const cpuSeconds = (pid: number): number => {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13).map(Number) ?? []
  return ((user ?? 0) + (system ?? 0)) / 100
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
const median = (numbers: number[]) => numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] as number

const contenders = [
  ...(values.server ? [await llamaServer(values.server)] : []),
  ...(values.runtime === 'both' ? [await engine('node'), await engine('bun')] : [await engine(values.runtime as 'auto')]),
]
for (const contender of contenders) await contender.run(2)
const table: Record<string, Record<string, string>> = {}
for (const streams of values.streams.split(',').map(Number)) {
  const speeds = contenders.map((): { wall: number; cpu: number }[] => [])
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [index, contender] of contenders.entries()) {
      const startedAt = performance.now()
      const cpuBefore = cpuSeconds(contender.pid)
      const tokens = await contender.run(streams)
      const wall = tokens / ((performance.now() - startedAt) / 1_000)
      speeds[index]?.push({ wall, cpu: tokens / (cpuSeconds(contender.pid) - cpuBefore) })
    }
  }
  const middle = speeds.map((runs) => ({ wall: median(runs.map((run) => run.wall)), cpu: median(runs.map((run) => run.cpu)) }))
  for (const [index, contender] of contenders.entries()) {
    const share = (unit: 'wall' | 'cpu') => {
      const [first, own] = [middle[0]?.[unit] ?? 0, middle[index]?.[unit] ?? 0]
      return `${own.toFixed(0)}${values.server && index > 0 ? ` (${((own / first) * 100).toFixed(0)} %)` : ''}`
    }
    const row = table[contender.name] ?? {}
    table[contender.name] = row
    row[`${streams}: tok/s`] = share('wall')
    row[`${streams}: tok/CPU s`] = share('cpu')
  }
}
console.table(table)
for (const contender of contenders) await contender.close()
