// Layers of a small network, each with its step backwards, in plain loops: [sample, channel, row, column].

/** A 3x3 convolution with a border of one, followed by ReLU. */
export class Convolution {
  constructor(inputs, outputs, size, stride, random) {
    Object.assign(this, { inputs, outputs, size, stride, out: size / stride })
    this.weight = randomWeights(outputs * inputs * 9, inputs * 9, random)
    this.bias = new Float32Array(outputs)
  }

  forward(x, count) {
    const { inputs, outputs, size, stride, out, weight, bias } = this
    const y = new Float32Array(count * outputs * out * out)
    this.each(count, (n, o, row, column, at) => {
      let sum = bias[o]
      for (let i = 0; i < inputs; i++) {
        for (let k = 0; k < 9; k++) {
          const [r, c] = [row * stride + Math.floor(k / 3) - 1, column * stride + (k % 3) - 1]
          if (r < 0 || c < 0 || r >= size || c >= size) continue
          sum += weight[(o * inputs + i) * 9 + k] * x[((n * inputs + i) * size + r) * size + c]
        }
      }
      y[at] = Math.max(0, sum)
    })
    Object.assign(this, { x, y })
    return y
  }

  backward(dy, count) {
    const { inputs, size, stride, weight, x, y } = this
    const dx = new Float32Array(x.length)
    this.gradients = [new Float32Array(weight.length), new Float32Array(this.bias.length)]
    const [dw, db] = this.gradients
    this.each(count, (n, o, row, column, at) => {
      if (y[at] <= 0) return
      const g = dy[at]
      db[o] += g
      for (let i = 0; i < inputs; i++) {
        for (let k = 0; k < 9; k++) {
          const [r, c] = [row * stride + Math.floor(k / 3) - 1, column * stride + (k % 3) - 1]
          if (r < 0 || c < 0 || r >= size || c >= size) continue
          const [from, w] = [((n * inputs + i) * size + r) * size + c, (o * inputs + i) * 9 + k]
          dw[w] += g * x[from]
          dx[from] += g * weight[w]
        }
      }
    })
    return dx
  }

  each(count, visit) {
    const { outputs, out } = this
    let at = 0
    for (let n = 0; n < count; n++)
      for (let o = 0; o < outputs; o++)
        for (let row = 0; row < out; row++)
          for (let column = 0; column < out; column++) visit(n, o, row, column, at++)
  }
}

/** A fully connected layer: weights [outputs, inputs]. */
export class Dense {
  constructor(inputs, outputs, random) {
    Object.assign(this, { inputs, outputs })
    this.weight = randomWeights(outputs * inputs, inputs, random)
    this.bias = new Float32Array(outputs)
  }

  forward(x, count) {
    const { inputs, outputs, weight, bias } = this
    const y = new Float32Array(count * outputs)
    for (let n = 0; n < count; n++) {
      for (let o = 0; o < outputs; o++) {
        let sum = bias[o]
        for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i] * x[n * inputs + i]
        y[n * outputs + o] = sum
      }
    }
    Object.assign(this, { x, y })
    return y
  }

  backward(dy, count) {
    const { inputs, outputs, weight, x } = this
    const dx = new Float32Array(x.length)
    this.gradients = [new Float32Array(weight.length), new Float32Array(outputs)]
    const [dw, db] = this.gradients
    for (let n = 0; n < count; n++) {
      for (let o = 0; o < outputs; o++) {
        const g = dy[n * outputs + o]
        db[o] += g
        for (let i = 0; i < inputs; i++) {
          dw[o * inputs + i] += g * x[n * inputs + i]
          dx[n * inputs + i] += g * weight[o * inputs + i]
        }
      }
    }
    return dx
  }
}

/** He's initialisation (Delving Deep into Rectifiers, 2015), with a uniform distribution. */
function randomWeights(length, fanIn, random) {
  return Float32Array.from({ length }, () => (2 * random() - 1) * Math.sqrt(6 / fanIn))
}
