// Writes the networks of zoo.mjs, which have random weights, as folders with model.onnx.
// Usage: node bench/networks/write.mjs FOLDER [NAME...]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zoo } from './zoo.mjs'

const [folder, ...names] = process.argv.slice(2)
if (!folder) throw new Error('usage: node bench/networks/write.mjs FOLDER [NAME...]')
for (const name of names.length > 0 ? names : Object.keys(zoo)) {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'model.onnx'), zoo[name]())
  console.error(name)
}
