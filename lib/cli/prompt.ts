import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Prompt } from '../ssh/authentication.js'

/** Asks for passwords where somebody can type them; what is typed is not shown. Undefined elsewhere. */
export function terminalPrompt(): Prompt | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  return (question) =>
    new Promise((resolve) => {
      process.stderr.write(question)
      const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
      const lines = createInterface({ input: process.stdin, output: unseen, terminal: true })
      const end = (answer: string | undefined) => {
        process.stderr.write('\n')
        lines.close()
        resolve(answer)
      }
      lines.once('line', end)
      lines.once('SIGINT', () => {
        end(undefined)
        process.kill(process.pid, 'SIGINT')
      })
    })
}
