// The network in training: two convolutions and a fully connected layer, trained by stochastic gradient descent with momentum.
import { CLASSES, generator, SIZE } from './data.mjs'
import { Convolution, Dense } from './layers.mjs'

export class Network {
  constructor(seed = 1) {
    const random = generator(seed)
    this.layers = [
      new Convolution(1, 8, SIZE, 1, random),
      new Convolution(8, 16, SIZE, 2, random),
      new Dense(16 * (SIZE / 2) ** 2, CLASSES, random),
    ]
  }

  /** Logits [count, CLASSES]. */
  forward(data, count) {
    return this.layers.reduce((x, layer) => layer.forward(x, count), data)
  }

  /** One step on a batch; yields its loss, the mean cross-entropy. */
  step({ data, labels, count }, rate = 0.02, momentum = 0.9) {
    const logits = this.forward(data, count)
    const gradient = new Float32Array(logits.length)
    let loss = 0
    for (let n = 0; n < count; n++) {
      const row = logits.subarray(n * CLASSES, (n + 1) * CLASSES)
      const top = Math.max(...row)
      const powers = row.map((value) => Math.exp(value - top))
      const sum = powers.reduce((a, b) => a + b, 0)
      loss -= Math.log(powers[labels[n]] / sum) / count
      for (let c = 0; c < CLASSES; c++) {
        gradient[n * CLASSES + c] = (powers[c] / sum - (c === labels[n] ? 1 : 0)) / count
      }
    }
    this.layers.reduceRight((dy, layer) => layer.backward(dy, count), gradient)
    for (const layer of this.layers) {
      layer.velocity ??= [layer.weight, layer.bias].map(({ length }) => new Float32Array(length))
      for (const [i, values] of [layer.weight, layer.bias].entries()) {
        const [velocity, slope] = [layer.velocity[i], layer.gradients[i]]
        for (let j = 0; j < values.length; j++) {
          velocity[j] = momentum * velocity[j] - rate * slope[j]
          values[j] += velocity[j]
        }
      }
    }
    return loss
  }
}

/** Share of pictures whose class has the largest logit. */
export function accuracy(logits, labels) {
  const right = labels.filter((label, n) => {
    const row = logits.subarray(n * CLASSES, (n + 1) * CLASSES)
    return row.indexOf(Math.max(...row)) === label
  })
  return right.length / labels.length
}
