// Writes schema/backend.schema.json, for editors, from the schema of the backend's configuration. `--check` only says whether it
// is up to date.
import { z } from 'zod'
import { writeGenerated } from './steps/generated.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const { fileSchema } = await import('../dist/backend/config-file.js')
const schema = { title: 'Configuration of TvmBackend', ...z.toJSONSchema(fileSchema, { io: 'input' }) }
writeGenerated('schema/backend.schema.json', `${JSON.stringify(schema, null, 2)}\n`, 'docs:schema')
