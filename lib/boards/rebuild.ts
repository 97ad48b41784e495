import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { makePrivateFolder, removePrivateFolder } from '../private-folders.js'
import { quoted } from '../ssh/command.js'
import type { SshConnection } from '../ssh/connection.js'
import type { Board } from './board.js'
import { succeeded } from './succeeded.js'

const execute = promisify(execFile)

/**
 * Builds TVM's runtime on a board from the sources of this machine's TVM: those that `TVM_HOME` names. A build that was there is
 * replaced.
 *
 * @param rundir - Folder on the board in which `tvm` is made.
 * @returns The environment in which servers use what was built.
 * @throws `ERR_CONFIG` without sources, `ERR_REMOTE` with the output of what failed, `ERR_CONNECTION`
 */
export async function rebuildRuntime(
  ssh: SshConnection,
  { name, opencl, cuda }: Pick<Board, 'name' | 'opencl' | 'cuda'>,
  rundir: string,
  limits: Limits,
): Promise<Readonly<Record<string, string>>> {
  const sources = process.env.TVM_HOME
  if (!sources || !existsSync(join(sources, 'cmake', 'config.cmake'))) {
    throw new TvmNodeError(
      'ERR_CONFIG',
      `board '${name}' has rebuild_runtime, which needs the sources of TVM 0.18: set TVM_HOME to a checkout of it`,
      { details: { board: name } },
    )
  }
  const run = async (command: string) => succeeded(command, await ssh.exec(command, limits))
  const home = (await run(`mkdir -p ${quoted(rundir)} && cd ${quoted(rundir)} && pwd`)).trim()
  const place = `${home}/tvm`
  const archive = `${home}/tvm.tar.gz`
  await bring(ssh, sources, archive, limits)
  await run(
    `rm -rf ${quoted(place)} && mkdir ${quoted(place)} && tar -xzf ${quoted(archive)} -C ${quoted(place)}; s=$?; rm -f ${quoted(archive)}; exit $s`,
  )
  const flag = (key: string, on: boolean) => `set(${key} ${on ? 'ON' : 'OFF'})`
  const flags = [flag('USE_OPENCL', opencl), flag('USE_CUDA', cuda)].join('\n')
  await run(
    [
      `cd ${quoted(place)} && mkdir build && cp cmake/config.cmake build`,
      `printf '%s\\n' ${quoted(flags)} >> build/config.cmake`,
      'cd build && cmake .. && cmake --build . --target runtime -j "$(nproc)"',
    ].join(' && '),
  )
  return { TVM_HOME: place, TVM_LIBRARY_PATH: `${place}/build`, PYTHONPATH: `${place}/python` }
}

/** Brings the sources onto the board, without what was built from them. */
async function bring(ssh: SshConnection, sources: string, to: string, limits: Limits): Promise<void> {
  const scratch = await makePrivateFolder('sources')
  try {
    const archive = join(scratch, 'tvm.tar.gz')
    const left = ['./build', './tmp', '.git'].map((name) => `--exclude=${name}`)
    const { signal } = limits
    await execute('tar', ['-C', sources, ...left, '-czf', archive, '.'], { ...(signal && { signal }) })
    await ssh.upload(archive, to, limits)
  } finally {
    await removePrivateFolder(scratch)
  }
}
