// Writes schema/*.schema.json, for editors, from the schemas of the configurations. `--check` only says whether they are up to date.
import { z } from 'zod'
import { writeGenerated } from './steps/generated.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const { fileSchema } = await import('../dist/backend/config-file.js')
const schema = { title: 'Configuration of TvmBackend', ...z.toJSONSchema(fileSchema, { io: 'input' }) }
writeGenerated('schema/backend.schema.json', `${JSON.stringify(schema, null, 2)}\n`, 'docs:schema')
const { batchSchema } = await import('../dist/batch/plan.js')
const batch = { title: 'Batch of tvm-node run-all', ...z.toJSONSchema(batchSchema, { io: 'input' }) }
writeGenerated('schema/batch.schema.json', `${JSON.stringify(batch, null, 2)}\n`, 'docs:schema')
