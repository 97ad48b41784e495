import { getGlobalFunc, type TvmObject } from '../runtime/index.js'

/** Says how a fused function, a module of TensorIR, is scheduled: a record of the library; null leaves it to the operator's own schedule. */
export type FunctionRecords = (name: string, module: TvmObject) => TvmObject | null

/**
 * Lets `find` decide while `body` lowers a network. The library asks whatever database it is within (TVM v0.18,
 * src/relay/backend/te_compiler_cache.cc); its pass option `relay.backend.use_meta_schedule` stays off, with which it would also choose
 * other implementations of operators than an untuned build.
 */
export function withFunctionRecords<T>(find: FunctionRecords, body: () => T): T {
  const query = (module: TvmObject, _target: TvmObject, name: string) => find(name, module)
  const [has, commit, commitRecord, top, all, schedule, irModule, size] = Array.from(
    { length: 8 },
    () => null,
  )
  const database = getGlobalFunc('meta_schedule.DatabasePyDatabase')(
    has,
    commit,
    commitRecord,
    top,
    all,
    query as never,
    schedule,
    irModule,
    size,
    'structural',
  )
  getGlobalFunc('meta_schedule.DatabaseEnterWithScope')(database)
  try {
    return body()
  } finally {
    getGlobalFunc('meta_schedule.DatabaseExitWithScope')(database)
  }
}
