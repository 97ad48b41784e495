import './arrange.js'
import './elementwise.js'
import './products.js'
import './selection.js'
