import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { plainError } from '../process/protocol.js'
import { ResultDatabase } from './database.js'

/** What the store's thread is asked: a method of the database. */
export interface StoreRequest {
  readonly id: number
  readonly method: 'open' | 'add' | 'list' | 'get' | 'count' | 'close'
  readonly args: readonly unknown[]
}

const port = parentPort as MessagePort
const opening = ResultDatabase.open((workerData as { readonly path: string }).path)
// The answer to 'open' tells of a failure.
opening.catch(() => undefined)

port.on('message', async ({ id, method, args }: StoreRequest) => {
  try {
    const database = await opening
    const result =
      method === 'open'
        ? undefined
        : Reflect.apply(database[method] as (...args: never[]) => unknown, database, args)
    port.postMessage({ id, result })
    if (method === 'close') port.close()
  } catch (error) {
    port.postMessage({ id, error: plainError(error) })
  }
})
