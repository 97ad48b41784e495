import { TvmNodeError } from '../errors.js'
import { allowedCpus } from '../session/cpus.js'
import type { HardwareSettings, TunerSettings } from './config.js'

const CACHE_LINE_BYTES = 64
const DEFAULT_VECTOR_BYTES = 64
const MOST_DEFAULT_THREADS = 8

/**
 * What the search takes the machine that runs the code for: as configured, else what the target says, else, only where trials run
 * on this machine, what this machine has.
 *
 * @throws `ERR_CONFIG` when trials run elsewhere and nothing says how many cores there are
 */
export function hardwareOf(
  { hardware = {}, runner = {} }: TunerSettings,
  target: string,
): Required<HardwareSettings> {
  const named = /-num-cores=(\d+)/.exec(target)?.[1]
  const cores = hardware.num_cores ?? (named === undefined ? undefined : Number(named))
  if (cores === undefined && runner.tracker !== undefined) {
    throw new TvmNodeError(
      'ERR_CONFIG',
      'the cores of the boards are not known: give tuner.hardware.num_cores, or -num-cores in the target',
    )
  }
  return {
    num_cores: cores ?? runner.threads ?? Math.min(allowedCpus().length, MOST_DEFAULT_THREADS),
    vector_unit_bytes: hardware.vector_unit_bytes ?? DEFAULT_VECTOR_BYTES,
    cache_line_bytes: hardware.cache_line_bytes ?? CACHE_LINE_BYTES,
  }
}
