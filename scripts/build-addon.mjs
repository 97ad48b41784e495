// Builds the addon alone, if anything changed.
import { buildAddon } from './steps/addon.mjs'
import { withLock } from './steps/lock.mjs'

await withLock(() => buildAddon())
