export { boardNames as names, findBoard as find } from './predefined.js'
