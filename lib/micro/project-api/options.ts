import { z } from 'zod'
import { TvmNodeError } from '../../errors.js'
import { nearest } from '../../nearest.js'

/** Methods of a project's server for which options are meant. */
export type ProjectMethod = 'generate_project' | 'build' | 'flash' | 'open_transport'

/** An option as a server describes it (TVM v0.18, python/tvm/micro/project_api/server.py, ProjectOption). */
export const projectOption = z.looseObject({
  name: z.string(),
  type: z.string().nullish(),
  choices: z.array(z.unknown()).nullish(),
  default: z.unknown(),
  required: z.array(z.string()).nullish(),
  optional: z.array(z.string()).nullish(),
  help: z.string().nullish(),
})
export type ProjectOption = z.output<typeof projectOption>
export type ProjectOptions = Readonly<Record<string, unknown>>

/**
 * Checks options against those that a server offers and fills in defaults, so that nothing is generated that fails later.
 *
 * @param methods - What is going to be called: what these require must be given.
 * @returns A value for every option that the server has; null where there is none.
 * @throws `ERR_CONFIG` for an unknown option with the nearest one, a value of the wrong type or not among the choices, and one that lacks
 */
export function checkProjectOptions(
  given: ProjectOptions,
  offered: readonly ProjectOption[],
  methods: readonly ProjectMethod[],
): ProjectOptions {
  const names = offered.map(({ name }) => name)
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue
    const near = nearest(name, names)
    const hint = near ? `did you mean '${near}'?` : `its options are ${names.join(', ') || 'none'}`
    throw fault(name, `the project has no option '${name}'; ${hint}`)
  }
  return Object.fromEntries(
    offered.map((option) => {
      const value = given[option.name] ?? option.default ?? null
      if (value !== null) checkValue(option, value)
      const needing = methods.filter((method) => option.required?.includes(method))
      if (value === null && needing.length > 0) {
        const help = option.help ? ` (${option.help})` : ''
        throw fault(option.name, `'${needing[0]}' of the project needs the option '${option.name}'${help}`)
      }
      return [option.name, value]
    }),
  )
}

const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  bool: (value) => typeof value === 'boolean',
  int: (value) => Number.isSafeInteger(value),
  str: (value) => typeof value === 'string',
}

function checkValue({ name, type, choices }: ProjectOption, value: unknown): void {
  const isKind = kinds[type ?? '']
  if (isKind && !isKind(value))
    throw fault(name, `the option '${name}' takes a value of type ${type}, got ${JSON.stringify(value)}`)
  if (!choices || choices.length === 0 || choices.includes(value)) return
  const near = nearest(String(value), choices.map(String))
  throw fault(
    name,
    `the option '${name}' is one of ${choices.join(', ')}, not ${JSON.stringify(value)}${near ? `; did you mean '${near}'?` : ''}`,
  )
}

function fault(name: string, message: string): TvmNodeError {
  return new TvmNodeError('ERR_CONFIG', message, { details: { path: `project_options.${name}` } })
}
