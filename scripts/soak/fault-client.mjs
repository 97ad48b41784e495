// Uses a board until it is killed. Usage: fault-client.mjs BOARD ARTIFACT, the board's description as JSON. Prints `ready`.
import { find as findBoard } from '../../dist/boards/index.js'
import { openBoard } from '../../dist/boards/open.js'
import { readArtifact } from '../../dist/session/artifact.js'
import { sampleInputs } from '../../dist/session/sample-inputs.js'

const [board, artifact] = process.argv.slice(2)
const { metadata } = await readArtifact(artifact)
const inputs = sampleInputs(metadata.inputs)
const connection = openBoard(findBoard(JSON.parse(board)))
await connection.upload(artifact)
console.log('ready')
for (;;) await connection.run(inputs)
