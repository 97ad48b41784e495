import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { z } from 'zod'
import { readConfigFile } from '../config/file.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { type BoardModel, boardModelSchema } from './board-model.js'
import { type CompilerModel, compilerModelSchema } from './compiler-model.js'
import type { AutomateSettings } from './settings.js'
import { expandTemplates, type Variables } from './template.js'
import { type UserModel, usersSchema } from './user-model.js'

/** What a description says, and where it is. */
export type Described<Model> = Model & { readonly file: string }

export interface Metadata {
  readonly boards: readonly Described<BoardModel>[]
  readonly compilers: readonly Described<CompilerModel>[]
  /** By their names at login, under which they lock boards. */
  readonly users: Readonly<Record<string, UserModel>>
  /** Descriptions that were left out, each with file, line and what is wrong. */
  readonly faults: readonly TvmNodeError[]
}

const DESCRIPTION = 'description.yml'
const USERS = 'users.yml'

/**
 * Reads automate's metadata: `boards/**\/description.yml` and `compilers/**\/description.yml`, with templates expanded, and `users.yml`. A
 * faulty description does not keep the others from being used.
 *
 * @throws `ERR_CONFIG` when there is no such folder, with how to get it
 */
export function readMetadata(settings: AutomateSettings): Metadata {
  const { metadata, metadata_url, metadata_ref, toolroot, boardroot } = settings
  if (!existsSync(metadata)) {
    const how =
      metadata_url === null
        ? 'set automate.metadata in the settings of automate to where it is'
        : `get it with: git clone --recurse-submodules -b ${metadata_ref} ${metadata_url} ${metadata}`
    throw new TvmNodeError(
      'ERR_CONFIG',
      `there is no folder ${metadata} with the metadata of automate; ${how}`,
      {
        details: { path: metadata },
      },
    )
  }
  const faults: TvmNodeError[] = []
  const roots = { metadata, toolroot, boardroot }
  const boards = read(join(metadata, 'boards'), boardModelSchema, faults, roots, ({ name, board }) => ({
    board,
    board_name: name,
  }))
  const compilers = read(join(metadata, 'compilers'), compilerModelSchema, faults, roots, () => ({}))
  const file = join(metadata, USERS)
  const users = existsSync(file) ? orFault(faults, () => readConfigFile(usersSchema, file)) : undefined
  return { boards: unique(boards, faults), compilers, users: users ?? {}, faults }
}

/** What is read, undefined where it has a fault. */
function orFault<T>(faults: TvmNodeError[], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!isTvmNodeError(error, 'ERR_CONFIG')) throw error
    faults.push(error)
    return undefined
  }
}

/** All descriptions within a folder. */
function read<Schema extends z.ZodType<object>>(
  folder: string,
  schema: Schema,
  faults: TvmNodeError[],
  roots: Variables,
  own: (model: z.output<Schema>) => Variables,
): Described<z.output<Schema>>[] {
  return descriptions(folder).flatMap((file) => {
    const model = orFault(faults, () =>
      readConfigFile(schema, file, (data) => {
        const variables = { ...roots, model_file: file, model_dir: dirname(file), ...own(data) }
        return expandTemplates(data, variables)
      }),
    )
    return model ? [{ ...model, file }] : []
  })
}

function descriptions(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === '.git' ? [] : descriptions(path)
      return entry.name === DESCRIPTION ? [path] : []
    })
    .sort()
}

/** Of boards of one name the first. */
function unique(boards: readonly Described<BoardModel>[], faults: TvmNodeError[]): Described<BoardModel>[] {
  return boards.filter((board, i) => {
    const first = boards.findIndex(({ name }) => name === board.name)
    if (first === i) return true
    faults.push(
      new TvmNodeError(
        'ERR_CONFIG',
        `${board.file}: there is a board '${board.name}' already, in ${boards[first]?.file}`,
        { details: { file: board.file, path: 'name' } },
      ),
    )
    return false
  })
}
