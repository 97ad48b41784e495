import { InvalidArgumentError, Option } from 'commander'

/** A whole number of at least `least`. */
export function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`)
  }
}

/** A number that is not negative. */
export function nonNegative(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a number of at least 0.')
}

/** A number above zero. */
export function positive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a number above 0.')
}

export type Shapes = Record<string, readonly number[]>

/** Adds `name:1,3,224,224` to the shapes so far. The name may have colons itself; a scalar has nothing after the last. */
export function shape(text: string, before: Shapes = {}): Shapes {
  const colon = text.lastIndexOf(':')
  const dims = text.slice(colon + 1)
  if (colon < 1 || !/^(\d+(,\d+)*)?$/.test(dims)) {
    throw new InvalidArgumentError('It must be an input and its extents, such as data:1,3,224,224.')
  }
  return { ...before, [text.slice(0, colon)]: dims === '' ? [] : dims.split(',').map(Number) }
}

export type Layouts = Record<string, readonly string[]>

/** Adds `nn.conv2d:NHWC,HWIO` to the layouts so far; whether they fit the operator is for `compile` to say. */
export function layout(text: string, before: Layouts = {}): Layouts {
  const [operator = '', layouts = '', ...more] = text.split(':')
  if (operator === '' || !/^\w+(,\w+)?$/.test(layouts) || more.length > 0) {
    throw new InvalidArgumentError(
      'It must be an operator and the layouts of its data and kernel, such as nn.conv2d:NHWC,HWIO.',
    )
  }
  return { ...before, [operator]: layouts.split(',') }
}

export const DEFAULT_TARGET = 'llvm -mcpu=native'

export const targetOption = () =>
  new Option('--target <target>', "what to compile for, in TVM's notation").default(DEFAULT_TARGET)
export const optLevelOption = () =>
  new Option('--opt-level <level>', 'how much to optimise').choices(['0', '1', '2', '3', '4']).default('3')
export const executorOption = () =>
  new Option(
    '--executor <name>',
    "what runs the network: a graph of given extents, or TVM's virtual machine, which leaves open the dimensions that the model leaves open",
  )
    .choices(['auto', 'graph', 'vm'])
    .default('auto')
export const shapeOption = () =>
  new Option(
    '--shape <name:extents>',
    'shape of an input that the model leaves open, such as data:1,3,224,224; repeat it for several inputs',
  ).argParser(shape)
export const layoutOption = () =>
  new Option(
    '--layout <operator:layouts>',
    'layouts of data and kernel of an operator in place of the choice made here, such as nn.conv2d:NHWC,HWIO; repeat it for several operators',
  ).argParser(layout)
export const threadsOption = () =>
  new Option('--threads <count>', 'threads that a run uses (default: the processors, at most 8)').argParser(
    integer(1),
  )
export const isolationOption = () =>
  new Option('--isolation <how>', 'run in a thread of this process, or in a process of its own')
    .choices(['thread', 'process'])
    .default('thread')
export const timeoutOption = () =>
  new Option('--timeout <seconds>', 'give up after this time (default: none)').argParser(positive)

export const constantsOption = () =>
  new Option(
    '--constants <file>',
    '.npz file with values for inputs that become constants, such as those on which shapes depend',
  )
/** `--timeout` in milliseconds. */
export const timeoutMs = ({ timeout }: { readonly timeout?: number }) =>
  timeout === undefined ? undefined : timeout * 1000
export const inputsOption = () =>
  new Option('--inputs <file>', '.npz file with one array for each input, by name (default: random numbers)')
export const recordsOption = () =>
  new Option(
    '--records <file>',
    "log of tuning records, or folder of MetaSchedule's, in TVM's format; the best one of each operator is applied; repeat it for several",
  ).argParser((path: string, before: string[] = []) => [...before, path])
export const noCacheOption = () =>
  new Option('--no-cache', 'compile also what was compiled before, and keep nothing (see "tvm-node cache")')
