import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { findBundle } from '#lib/bundle/index.js'

test('XGBoost learns the same with one thread and our OpenMP as with the system’s', async () => {
  const bundle = findBundle()
  const native = new URL('../../dist/native.js', import.meta.url).href
  const script = `
    import { native } from ${JSON.stringify(native)}
    import { readFileSync } from 'node:fs'
    native.xgboostOpen(${JSON.stringify(bundle.xgboost)}, ${JSON.stringify(bundle.standIns.forXGBoost)})
    const columns = 20
    const features = Float32Array.from({ length: 200 * columns }, (_, i) => ((i * 7919) % 1009) / 1009)
    const labels = Float32Array.from({ length: 200 }, (_, i) => features[i * columns] + features[i * columns + 3] ** 2)
    const booster = native.boosterCreate([['num_feature', '20'], ['max_depth', '4'], ['nthread', '2'], ['subsample', '0.9']])
    native.boosterTrain(booster, features, columns, labels, new Float32Array(), 50)
    const used = /\\S*libgomp\\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))[0]
    console.log(JSON.stringify({ used, margins: [...native.boosterPredict(booster, features, columns, true)], labels: [...labels] }))`
  const learn = async (env: NodeJS.ProcessEnv) => {
    const args = ['--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } })
    return JSON.parse(stdout) as { used: string; margins: number[]; labels: number[] }
  }
  const ours = await learn({ LD_LIBRARY_PATH: dirname(bundle.standIns.forXGBoost as string) })
  expect(ours.used).toBe(bundle.standIns.forXGBoost)
  const errors = ours.margins.map((margin, i) => Math.abs(margin - (ours.labels[i] as number)))
  expect(Math.max(...errors)).toBeLessThan(0.2)
  expect(ours.margins).toEqual((await learn({})).margins)
})
