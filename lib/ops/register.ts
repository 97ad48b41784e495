import { installVectorMath } from './cpu/vector-math.js'
import { installLowerCall } from './lower-call.js'
import { installOpAttributes } from './strategy.js'
import './cpu/index.js'
import './open/index.js'
import './shapes/index.js'

let registered = false

/** Makes the operator library known to the TVM library; once per process, before the first build. */
export function registerOperators(): void {
  if (registered) return
  registered = true
  installLowerCall()
  installOpAttributes()
  installVectorMath()
}
