#!/usr/bin/env node
import { runCli } from './program.js'

const exitCode = await runCli(process.argv.slice(2))
process.exitCode = exitCode
// After a failure a run that was given up may still go on in its thread; nobody waits for it.
if (exitCode !== 0) process.exit()
