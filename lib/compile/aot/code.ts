import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { C_BACKEND } from '../../c-compiler.js'
import { sourceOf } from '../c/source.js'
import { generateModule, generateObjects } from '../codegen.js'
import { entrySource } from './entry.js'
import type { AotNetwork } from './lower.js'

/** A network's code as files by name. */
export interface AotCode {
  /** The entry function first, then the operators where they are C. */
  readonly sources: ReadonlyMap<string, Buffer>
  /** The operators where they are machine code. */
  readonly objects: ReadonlyMap<string, Buffer>
  /** What the sources include beside the network's own header, by path. */
  readonly headers: ReadonlyMap<string, Buffer>
}

/** @param folder - A private folder for intermediate files. */
export async function generateAot(
  network: AotNetwork,
  folder: string,
  onObject?: (done: number, total: number) => void,
): Promise<AotCode> {
  const { target, interface: about } = network
  const entry = Buffer.from(entrySource(network))
  const name = (kind: string, i: number) => `${about.name}_lib${i}.${kind}`
  if (target.kind === 'c') {
    const operators = Buffer.from(sourceOf(generateModule(network)))
    return {
      sources: new Map([
        [name('c', 0), entry],
        [name('c', 1), operators],
      ]),
      objects: new Map(),
      headers: await backendHeaders(),
    }
  }
  const paths = await generateObjects(network, folder, onObject)
  const objects = paths.map(async (path, i) => [name('o', i), await readFile(path)] as const)
  return {
    sources: new Map([[name('c', 0), entry]]),
    objects: new Map(await Promise.all(objects)),
    headers: new Map(),
  }
}

async function backendHeaders(): Promise<ReadonlyMap<string, Buffer>> {
  const paths = ['c_runtime_api.h', 'c_backend_api.h'].map((file) => `tvm/runtime/${file}`)
  const read = paths.map(async (path) => [path, await readFile(join(C_BACKEND, path))] as const)
  return new Map(await Promise.all(read))
}
