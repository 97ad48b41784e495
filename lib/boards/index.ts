export { boardNames as names, findBoard as find } from './find.js'
