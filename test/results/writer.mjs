// Adds records one after the other and tells how many were kept so far.
import { ResultStore } from '../../dist/results/store.js'

const [path, count, run] = process.argv.slice(2)
const store = await ResultStore.open(path)
for (let epoch = 0; epoch < Number(count); epoch++) {
  await store.add({
    kind: 'evaluation',
    network: 'net',
    run,
    epoch,
    details: { profile: Array(20).fill(epoch) },
  })
  process.send(epoch + 1)
}
await store.dispose()
process.disconnect()
