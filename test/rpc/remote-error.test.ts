import { expect, test } from 'vitest'
import { TvmNodeError } from '#lib/errors.js'
import { remoteError } from '#lib/rpc/remote-error.js'

// What TVM 0.18's client says when a session's process is killed at one moment or another (src/runtime/rpc/rpc_endpoint.cc).
test.each([
  [
    'while it waited for a copy',
    'Check failed: (HandleUntilReturnEvent(true, [](TVMArgs) {}) == RPCCode::kReturn) is false: ',
  ],
  ['while it waited for a call', 'Check failed: (code == RPCCode::kReturn) is false: code=1'],
  [
    'while it waited for bytes',
    'Check failed: (HandleUntilReturnEvent(true, [](TVMArgs) {}) == RPCCode::kCopyAck) is false: ',
  ],
])('a board that is gone is told from a call that failed: %s', (_when, message) => {
  const error = new TvmNodeError('ERR_TVM', `InternalError: ${message}`)
  expect(remoteError(error, 'board:9090')).toMatchObject({ code: 'ERR_CONNECTION', cause: error })
})

test('what a call on the board said is its message', () => {
  const error = new TvmNodeError(
    'ERR_TVM',
    'RPCError: Error caught from RPC call:\nENOSPC: no space left on device',
  )
  expect(remoteError(error, 'board:9090')).toMatchObject({
    code: 'ERR_REMOTE',
    message: 'board:9090: ENOSPC: no space left on device',
  })
})
