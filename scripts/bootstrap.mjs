// Brings up all that the project needs to run: dependencies, compiled TypeScript, the addon, the TVM bundle. What is
// there already is left alone. Uses nothing but Node until the dependencies are installed.
import { pathToFileURL } from 'node:url'
import { buildAddon } from './steps/addon.mjs'
import { installDependencies } from './steps/dependencies.mjs'
import { withLock } from './steps/lock.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

export async function bootstrap() {
  await withLock(async () => {
    installDependencies()
    compileTypeScript()
    buildAddon()
    const { installBundle } = await import('../dist/bundle/install.js')
    await installBundle({ onMessage: (line) => console.error(line) })
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await bootstrap()
  } catch (error) {
    console.error(`${error.code ?? 'error'}: ${error.message}`)
    process.exitCode = 1
  }
}
