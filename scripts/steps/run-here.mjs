const { compile } = await import('../../dist/compile/compile.js')
const { load } = await import('../../dist/session/load.js')

/** The outputs of a network on this machine, to compare with those of another. */
export async function runHere(model, inputs) {
  const artifact = await compile(model, { target: 'llvm' })
  const session = await load(artifact)
  const outputs = await session.run(inputs)
  await session.dispose()
  await artifact.dispose()
  return outputs
}
