#!/usr/bin/env bun
import { runCli } from './compose/run-cli.ts'

process.exit(await runCli(process.argv.slice(2), process.env))
