// Writes docs/openapi.json from the routes that the service checks requests with. `--check` only says whether it is up to date.
import { writeGenerated } from './steps/generated.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const { openApi } = await import('../dist/service/openapi.js')
writeGenerated('docs/openapi.json', `${JSON.stringify(openApi(), null, 2)}\n`, 'docs:openapi')
