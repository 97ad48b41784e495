import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { IRModule } from '../ir/module.js'
import { passContext, withPassContext } from '../ir/transform.js'
import { CallThread, getGlobalFunc, type Module } from '../runtime/index.js'
import { compileForwarders, compileSource } from './c/compiler.js'
import { sourceOf } from './c/source.js'
import type { Generation } from './lower.js'

/** Functions that are compiled together. Fixed, so that the result does not depend on how many threads there are. */
const FUNCTIONS_PER_OBJECT = 4
const MOST_THREADS = 8

/** All functions as one module, of which the library's JIT compiler makes code when they are called. */
export function generateModule({ functions, target, context }: Generation): Module {
  if (!functions || functions.functions.length === 0) {
    return target.kind === 'c'
      ? (getGlobalFunc('runtime.CSourceModuleCreate')('', 'c', [], []) as Module)
      : (getGlobalFunc('codegen.LLVMModuleCreate')(String(target), 'empty') as Module)
  }
  return withPassContext(context, () => {
    return getGlobalFunc('driver.tir_to_runtime')(new Map([[target, functions]]), target) as Module
  })
}

/**
 * Compiles the functions to object files, a few at a time on each of several threads; LLVM takes the larger part of a
 * build's time. The files are the same whatever the number of threads.
 *
 * @param folder - An existing private folder, where the files are written.
 * @param onObject - Hears after each file how many of all are done.
 * @returns Paths in the order in which they are to be linked.
 */
export async function generateObjects(
  generation: Generation,
  folder: string,
  onObject: (done: number, total: number) => void = () => {},
): Promise<string[]> {
  const { functions, target, context } = generation
  const parts = functions ? split(functions) : []
  if (parts.length === 0) return writeObjects(generateModule(generation), folder, 'empty')
  const paths = parts.map((_, i) => join(folder, `part${i}.o`))
  const waiting = [...parts.entries()]
  let done = 0
  const work = async () => {
    using thread = new CallThread()
    // One each: passes note things in their context.
    const own = passContext(context)
    await getGlobalFunc('transform.EnterPassContext').callOn(thread, own)
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [i, part] = next
      const build = getGlobalFunc('driver.tir_to_runtime')
      using module = (await build.callOn(thread, new Map([[target, part]]), target)) as Module
      await save(module, paths[i] as string, thread)
      done++
      onObject(done, parts.length)
    }
  }
  const threads = Math.min(availableParallelism(), MOST_THREADS, parts.length)
  await Promise.all(Array.from({ length: threads }, work))
  return target.kind === 'c' ? [...paths, await compileForwarders(folder)] : paths
}

/** The code of one module as object files, all that a shared library needs. */
export async function writeObjects(module: Module, folder: string, name: string): Promise<string[]> {
  const path = join(folder, `${name}.o`)
  if (module.typeKey === 'c') {
    await compileSource(sourceOf(module), path)
    return [path, await compileForwarders(folder)]
  }
  module.saveToFile(path, 'o')
  return [path]
}

async function save(module: Module, path: string, thread: CallThread): Promise<void> {
  if (module.typeKey === 'c') await compileSource(sourceOf(module), path)
  else await getGlobalFunc('runtime.ModuleSaveToFile').callOn(thread, module, path, 'o')
}

/** Neighbours by name are alike and take alike long: they go to different parts. */
function split(mod: IRModule): IRModule[] {
  const { functions } = mod
  const count = Math.ceil(functions.length / FUNCTIONS_PER_OBJECT)
  return Array.from({ length: count }, (_, part) =>
    mod.withFunctions(functions.filter((_, i) => i % count === part)),
  )
}
