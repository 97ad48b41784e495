const table = {
  ERR_USAGE: {
    cause: 'The command line has an unknown command or option, or lacks an argument.',
    fix: 'The message names it and the nearest valid one; `tvm-node help` lists all.',
  },
  ERR_INTERRUPTED: {
    cause: 'A command was ended by Ctrl-C or SIGTERM.',
    fix: 'Run it again; nothing was left half written.',
  },
  ERR_NO_PEER: {
    cause: 'A measurement is to be compared with a peer that is not installed or cannot run the model.',
    fix: 'Install it, for example with `npm install onnxruntime-node`, or measure without `--against`.',
  },
  ERR_INVALID_ARGUMENT: {
    cause: 'An argument has the wrong type, shape or range.',
    fix: 'The message names the argument, what was expected and what was received.',
  },
  ERR_DISPOSED: {
    cause: 'A handle, session or backend was used after `dispose()`.',
    fix: 'Keep it alive for as long as it is used, or load it again.',
  },
  ERR_CONFIG: {
    cause: 'A configuration has an unknown key, a value of the wrong kind, or parts that do not go together.',
    fix: 'The message names the key and the nearest valid one; `schema/backend.schema.json` lists all for editors.',
  },
  ERR_UNKNOWN_BOARD: {
    cause: 'There is no board of that name.',
    fix: 'The message names the nearest one; a description may stand in its place.',
  },
  ERR_NOT_AVAILABLE: {
    cause: 'A board or tuner is known but this version does not support it.',
    fix: 'The message says what is missing; choose another one.',
  },
  ERR_NOT_PREPARED: {
    cause: 'A backend was to run before it was given a network.',
    fix: 'Call `prepare(model)` first.',
  },
  ERR_BOARD: {
    cause: 'A phase of a board’s life cycle failed; the board was given back.',
    fix: '`details.phase` and `cause` say what failed; the next call takes the board again.',
  },
  ERR_BOARD_BUSY: {
    cause: 'Another holds the board.',
    fix: 'The message says who; wait, or use another board.',
  },
  ERR_LEASE_LOST: {
    cause:
      'The lease of a board ran out while it was in use: its store or host was away for too long, or this process stood still.',
    fix: 'Take the board again; another may have used it. Longer leases outlast longer interruptions.',
  },
  ERR_LOCK_STORE: {
    cause: 'The database or host that keeps the locks of boards refused.',
    fix: 'The message has its own words. A database needs the right to use, and once to create, the table `locks`; a host needs `flock` and a folder to write to.',
  },
  ERR_BOARD_MEMORY: {
    cause: 'A network needs more memory than the board has.',
    fix: 'The message says how many bytes too many, and what has most of them. Use a smaller network or a larger board.',
  },
  ERR_CONNECTION: {
    cause: 'A tracker, server or board cannot be reached, or a connection to one was lost.',
    fix: 'The message names the address. Check that the peer runs, that its port is open, and that its address is one this machine can reach.',
  },
  ERR_PROTOCOL: {
    cause:
      'The peer at an address is no TVM tracker or server, speaks another version, or sent what the protocol does not allow.',
    fix: 'Check address and port; host and board need TVM 0.18 both.',
  },
  ERR_SESSION_KEY: {
    cause: 'A server refused a session: the key is not the one that its tracker granted.',
    fix: 'Ask the tracker for a session rather than the server, or give the server’s own key where it has no tracker.',
  },
  ERR_SESSION_EXPIRED: {
    cause: 'A session on a server took longer than the time that it was asked for.',
    fix: 'Ask for more time, or for several sessions.',
  },
  ERR_REMOTE: {
    cause: 'A call on a board failed there.',
    fix: 'The message is that of the board; `cause` holds where it arose.',
  },
  ERR_HOST_UNKNOWN: {
    cause: 'A host reached by SSH has a key that no known_hosts file has; nothing secret was sent.',
    fix: 'Compare the fingerprint of the message with the host’s own, then add the key with the command that it shows.',
  },
  ERR_HOST_KEY_CHANGED: {
    cause: 'A host reached by SSH has another key than known_hosts says; nothing secret was sent.',
    fix: 'Find out why. If the host was set up anew, remove the old key with the command of the message.',
  },
  ERR_HOST_KEY_REVOKED: {
    cause: 'A host reached by SSH has a key that known_hosts marks as revoked; nothing secret was sent.',
    fix: 'Give the host a new key; the message names file and line.',
  },
  ERR_SSH_AUTH: {
    cause: 'A host reached by SSH accepts none of the keys and passwords offered.',
    fix: 'Name the identity, load it into the agent, or add its public half to the host’s `authorized_keys`.',
  },
  ERR_PROJECT_API: {
    cause: 'The server of a template project failed, ended, or broke TVM’s project API.',
    fix: 'The message has what the server said; its own log or traceback tells what to install or change.',
  },
  ERR_LISTEN: {
    cause: 'A tracker or server cannot listen at its address.',
    fix: 'Choose a port that is free, or a range with one, and an address of this machine.',
  },
  ERR_UNAUTHORIZED: {
    cause: 'A request to the service has no token, or a wrong one.',
    fix: 'Send `Authorization: Bearer TOKEN` with the token that `tvm-node serve` showed when it started.',
  },
  ERR_FORBIDDEN: {
    cause: 'A client of the service named a file in a folder that is not open to clients.',
    fix: 'Send the bytes instead, or start the service with `--root FOLDER`.',
  },
  ERR_NOT_FOUND: {
    cause: 'The service has nothing at that address, or takes another method there.',
    fix: 'The message says what there is; `/v1/openapi.json` describes all of it.',
  },
  ERR_TOO_LARGE: {
    cause: 'A request to the service is larger than it takes.',
    fix: 'Send fewer samples at once, or start the service with a larger `--max-body`.',
  },
  ERR_OVERLOADED: {
    cause: 'The service has as much to do, or as many backends and clients, as it may.',
    fix: 'Wait as many seconds as `Retry-After` says and try again; delete backends that are not needed.',
  },
  ERR_ADDON: {
    cause: 'The native addon is missing or does not fit this Node, system or processor.',
    fix: 'Use a supported platform; in a checkout run `npm run build`. The message names the file and the reason.',
  },
  ERR_NO_LIBRARY: {
    cause: 'The TVM library was used before `openLibrary()`.',
    fix: 'Call `openLibrary()` first; `compile` and `load` do so themselves.',
  },
  ERR_LIBRARY_LOAD: {
    cause:
      'The TVM library or one that it needs could not be opened, or lacks a function of the 0.18 interface.',
    fix: 'The message has the dynamic loader’s reason; `npm run bundle` restores the downloaded libraries.',
  },
  ERR_LIBRARY_VERSION: {
    cause: 'The TVM library is not a 0.18 release.',
    fix: 'Point `TVM_HOME` or the path at a TVM 0.18 build, or unset it to use the downloaded one.',
  },
  ERR_SECOND_LIBRARY: {
    cause: 'Two TVM libraries were to be opened in one process, which would abort it.',
    fix: 'Use the library already open, or another process for the second one.',
  },
  ERR_SHARED_MEMORY: {
    cause: 'Memory shared with an engine process could not be had.',
    fix: 'The message has the system’s reason, most often a lack of memory or descriptors.',
  },
  ERR_UNKNOWN_FUNCTION: {
    cause: 'The TVM library has no registered function of that name.',
    fix: 'Check the name with `listGlobalFuncNames()`; the runtime library has far fewer than the compiler.',
  },
  ERR_TVM: {
    cause: 'The TVM library reported an error.',
    fix: 'The message is TVM’s own; `details.kind` and `details.backtrace` say where it arose.',
  },
  ERR_NO_BUNDLE: {
    cause: 'No TVM library was found.',
    fix: 'Install the platform packages that the message names; in a checkout run `npm run bundle`. Or set `TVM_HOME` to a build of TVM 0.18.',
  },
  ERR_BUNDLE_DOWNLOAD: {
    cause: 'The TVM bundle could not be downloaded or unpacked, or its sums are not the pinned ones.',
    fix: 'The message has the reason. Maven and its settings are what downloads; `npm run bundle -- --from DIR` uses archives at hand.',
  },
  ERR_UNKNOWN_TARGET: {
    cause: 'The target or one of its options is not known.',
    fix: 'The message names the nearest valid one.',
  },
  ERR_NO_IMPLEMENTATION: {
    cause: 'An operator has no implementation for the target.',
    fix: 'Choose another target, or report the operator.',
  },
  ERR_INVALID_CONFIG: {
    cause: 'A configuration of a template, from a record or a tuner, cannot be applied.',
    fix: 'Records of another version of the template are of no use: tune again. In a template of your own, define each knob before it is read.',
  },
  ERR_UNKNOWN_TEMPLATE: {
    cause: 'No template of that name is registered.',
    fix: 'The message names the nearest one; templates of your own are given with `templates`.',
  },
  ERR_RECORD: {
    cause: 'A line of a tuning log is no record.',
    fix: 'Remove the line; a log that was cut off loses only its last one.',
  },
  ERR_COST_MODEL: {
    cause: 'The cost model of a tuner could not be trained or asked.',
    fix: 'The message holds XGBoost’s own words; a tuner of mode `random`, `gridsearch` or `ga` does without.',
  },
  ERR_LINK: {
    cause: 'The linker refused the compiled model.',
    fix: 'The message holds the linker’s own words.',
  },
  ERR_NO_C_COMPILER: {
    cause: 'Code was generated as C and no C compiler was found to build it.',
    fix: 'Install gcc or clang with the C library’s headers, or name a compiler by the variable `CC`; `llvm` targets need none.',
  },
  ERR_NO_SIMULATOR: {
    cause: 'What a board’s programs are built with or run by is missing or too old.',
    fix: 'The message says how to get it; `tvm-node micro doctor` lists all such tools.',
  },
  ERR_C_COMPILER: {
    cause: 'The C compiler refused the generated code.',
    fix: 'The message holds the compiler’s own words; `tvm-node doctor` shows which one was taken.',
  },
  ERR_NPZ: {
    cause: 'An `.npz` file cannot be read, is damaged, or holds an element type that tensors have not.',
    fix: 'The message names the file or entry; write it with `numpy.savez` or `tvm-node run`.',
  },
  ERR_MODEL_READ: {
    cause: 'The model file, or a data file of a test set, could not be read.',
    fix: 'Check the path; the message has the system’s reason.',
  },
  ERR_NOT_ONNX: {
    cause: 'The bytes are no ONNX model.',
    fix: 'Give a file with an ONNX `ModelProto`; other formats must be exported to ONNX first.',
  },
  ERR_MODEL_TRUNCATED: {
    cause: 'The ONNX model starts well but ends early or is damaged inside.',
    fix: 'Copy or download the file again; in a Git checkout fetch the large files.',
  },
  ERR_EXTERNAL_DATA: {
    cause:
      'A tensor of the model keeps its data in another file, which is missing, too short or outside the model’s folder.',
    fix: 'Keep the data files beside the model, under the names it uses; compile from a path, not from bytes.',
  },
  ERR_INVALID_MODEL: {
    cause:
      'The model breaks ONNX’s rules: a cycle, a missing tensor, a wrong attribute, types or shapes that do not fit.',
    fix: 'The message names the node; check the model with `onnx.checker` or export it again.',
  },
  ERR_UNSUPPORTED_OPERATOR: {
    cause: 'The model uses operators, or forms of them, that cannot be imported.',
    fix: '`details.operators` lists all of them with their nodes; replace them or export for another opset.',
  },
  ERR_UNSUPPORTED_OPSET: {
    cause: 'The model is written for an operator set version outside the supported range.',
    fix: 'Convert it with `onnx.version_converter`, or export it for one of the versions in the message.',
  },
  ERR_DYNAMIC_SHAPE: {
    cause: 'A dimension is not known before the model runs.',
    fix: 'Pin the dimensions of the inputs with `shapes`, on the command line `--shape name:1,3,224,224`; where shapes depend on the values of inputs, fix those with `constants`, on the command line `--constants fixed.npz`.',
  },
  ERR_MEMORY_LIMIT: {
    cause:
      'A process that compiles, tunes or runs took more memory than `memoryBytes` allows, and was ended.',
    fix: 'Allow more, or make the work smaller: a lower `optLevel`, fewer trials at once, a network in parts.',
  },
  ERR_ENGINE_CRASHED: {
    cause: 'A child process that compiled or ran a network ended by itself.',
    fix: 'The message names the phase; `details` hold exit code, signal and the last of its output. Report it with the model.',
  },
  ERR_TIMEOUT: {
    cause: 'An operation took longer than its `timeoutMs`.',
    fix: 'Give it more time, or find out with progress events which phase is slow.',
  },
  ERR_WRITE_FAILED: {
    cause: 'A file could not be written; what was there before is unchanged.',
    fix: 'Check folder, permissions and space; `TMPDIR` says where intermediate files go.',
  },
  ERR_RESULTS: {
    cause: 'The file of results cannot be opened, read or written.',
    fix: 'The message has the reason; check path, permissions and space. What was kept before is still there.',
  },
  ERR_RESULTS_VERSION: {
    cause: 'The file of results was written by a newer version with another layout.',
    fix: 'Update tvm-node, or give another file.',
  },
  ERR_NO_RESULT: {
    cause: 'There is no result of that number.',
    fix: '`tvm-node results list` shows those that there are.',
  },
  ERR_ARTIFACT_READ: {
    cause: 'The artifact’s file could not be read.',
    fix: 'Check the path and permissions.',
  },
  ERR_NOT_ARTIFACT: {
    cause: 'The file is no artifact of this package.',
    fix: 'Pass a file that `compile` wrote.',
  },
  ERR_ARTIFACT_DAMAGED: {
    cause: 'The artifact’s bytes do not agree with its sums.',
    fix: 'Copy it again or compile the model again.',
  },
  ERR_ARTIFACT_VERSION: {
    cause: 'The artifact was written by a version with another format.',
    fix: 'Compile the model again.',
  },
  ERR_CPU_FEATURES: {
    cause: 'The artifact’s code is for another type of processor, or needs instructions that this CPU lacks.',
    fix: 'Compile for this CPU, or for a more common one such as `llvm -mcpu=x86-64-v2`.',
  },
  ERR_VERIFICATION: {
    cause:
      'A compiled network was to be verified, and its outputs differ from those of a build at optimisation level 0.',
    fix: 'The message names the outputs; compile with a lower `optLevel` or without `records`, and report it with the model.',
  },
  ERR_INPUT: {
    cause: 'An input of a run is missing, unknown, or of the wrong shape or type.',
    fix: 'The message names the input and what it must be.',
  },
} as const

/** The codes of errors; `docs/errors.md` says of each what causes it and what to do. */
export type ErrorCode = keyof typeof table

/** Every error code the package raises, with what causes it and what to do about it. `docs/errors.md` is generated from it. */
export const errorCodes: Readonly<Record<ErrorCode, { readonly cause: string; readonly fix: string }>> = table

/** What an error carries beside its message. */
export interface ErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown
  /** Facts a program can act on: names, sizes, limits. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The base of all errors of this package. Branch on `code`; messages are for people. */
export class TvmNodeError extends Error {
  override readonly name = 'TvmNodeError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

/** Whether `error` is one of this package's errors, also across two copies of the package. */
export function isTvmNodeError(error: unknown, code?: ErrorCode): error is TvmNodeError {
  if (!(error instanceof Error) || error.name !== 'TvmNodeError' || !('code' in error)) return false
  return code === undefined || error.code === code
}
