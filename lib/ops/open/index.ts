import './computes.js'
import './selection.js'
