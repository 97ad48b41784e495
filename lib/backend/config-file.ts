import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { boardNames, findBoard } from '../boards/find.js'
import { composeConfig, type Group } from '../config/compose.js'
import { TvmNodeError } from '../errors.js'
import { tunerNames } from '../tuning/tuner.js'
import { type BackendConfigInput, backendSchema } from './config.js'

/** What a configuration file holds. Other parts of it are the training server's own. */
export const fileSchema = z.looseObject({
  defaults: z
    .array(z.union([z.string(), z.record(z.string(), z.string().nullable())]))
    .optional()
    .describe('Choices of groups, such as `backend/board: local_cpu`.'),
  backend: backendSchema.partial().optional(),
})

/** What can be chosen by name: `backend=tvm`, `backend/board=NAME`, `backend/tuner=NAME`. */
const groups: readonly Group[] = [
  { path: 'backend', names: () => ['tvm'], load: () => ({}) },
  { path: 'backend/board', names: boardNames, load: findBoard },
  { path: 'backend/tuner', names: () => tunerNames, load: (name) => ({ name }) },
]

/**
 * Reads the backend's part of a configuration: a YAML file with groups, changed by overrides such as
 * `backend/tuner=autotvm backend.val_frequency=5`. A group's option is a file `GROUP/NAME.yaml` beside the configuration, or else a
 * predefined one.
 *
 * @param path - Of the YAML file; null for none.
 * @returns What `TvmBackend.create` takes; null when `backend` is null, as with the override `backend=null`.
 * @throws `ERR_CONFIG`
 */
export function loadBackendConfig(
  path: string | null,
  overrides: readonly string[] = [],
): BackendConfigInput | null {
  const text = path === null ? '' : read(path)
  const folder = path === null ? null : dirname(path)
  const { backend } = composeConfig({ text, name: path ?? 'configuration', folder, groups, overrides })
  return (backend ?? null) as BackendConfigInput | null
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new TvmNodeError('ERR_CONFIG', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}
