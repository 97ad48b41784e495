import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of this Node with the headers that came with it; undefined where node-gyp has to download them. */
export function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/common.gypi')) ? prefix : undefined
}
