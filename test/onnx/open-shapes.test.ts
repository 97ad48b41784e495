import { describe, it } from 'vitest'
import { openBatch, openNetwork } from '../support/open-network.js'
import { expectOpenAgrees } from '../support/run-open.js'

describe('networks with open extents', () => {
  it('adds, multiplies and convolves batches of any size', async () => {
    await expectOpenAgrees(openNetwork, [1, 3, 7].map(openBatch))
  })
})
