#!/usr/bin/env -S BUN_CONFIG_MAX_HTTP_REQUESTS=65336 bun
// Bun runs 256 fetches at once and lets the rest wait unseen; it reads the limit when it starts, so it stands in the line above.
import { runCli } from './compose/run-cli.ts'

const code = await runCli(process.argv.slice(2), process.env)
// What was printed to a pipe may still be on its way, and would be cut off.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((ended) => stream.end(() => ended()))))
process.exit(code)
