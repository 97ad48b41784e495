import { allocate, type Buffer, loop, type Stmt, sequence, when } from '../../ir/stmt.js'
import { add, all, constant, eq, gt, ifThenElse, lt, mul, or, type PrimExpr, sub } from '../../ir/tir.js'

const INDEX = 'int32'

export interface Selection {
  /** Elements of the row, and how many of them are wanted. */
  readonly length: number
  readonly count: number
  readonly dtype: string
  /** The element at a place of the row. */
  key(place: PrimExpr): PrimExpr
  /** Whether an element comes before another one; the earlier of equal ones does. */
  precedes(a: PrimExpr, b: PrimExpr): PrimExpr
  /** Uses the places of the chosen ones, in order. */
  write(place: (k: PrimExpr) => PrimExpr): Stmt
}

/**
 * The first `count` elements of a row in order, by a heap whose root is the last of those found so far: most elements are compared
 * with the root only. Knuth, The Art of Computer Programming, volume 3, 5.2.3.
 */
export function selectFirst({ length, count, dtype, key, precedes, write }: Selection): Stmt {
  const levels = Math.floor(Math.log2(count))
  return allocate(count, dtype, (keys) =>
    allocate(count, INDEX, (places) =>
      allocate(1, dtype, (newKey) =>
        allocate(1, INDEX, (newPlace) =>
          allocate(1, INDEX, (cursor) => {
            const heap: Heap = { keys, places, newKey, newPlace, cursor, levels, precedes }
            const take = (from: PrimExpr) =>
              sequence(newKey.store(keys.at(from), 0), newPlace.store(places.at(from), 0))
            return sequence(
              loop(count, (k) => sequence(keys.store(key(k), k), places.store(k, k))),
              loop(count >> 1, (k) => {
                const node = sub((count >> 1) - 1, k)
                return sequence(take(node), siftDown(heap, node, count))
              }),
              loop(length - count, (k) => {
                const place = add(k, count)
                const better = sequence(
                  newKey.store(key(place), 0),
                  newPlace.store(place, 0),
                  siftDown(heap, 0, count),
                )
                return when(precedes(key(place), keys.at(0)), better)
              }),
              // The last one goes behind those that are left, time after time.
              loop(count - 1, (k) => {
                const end = sub(count - 1, k)
                return sequence(
                  take(end),
                  keys.store(keys.at(0), end),
                  places.store(places.at(0), end),
                  siftDown(heap, 0, end),
                )
              }),
              write((k) => places.at(k)),
            )
          }),
        ),
      ),
    ),
  )
}

interface Heap extends Pick<Selection, 'precedes'> {
  readonly keys: Buffer
  readonly places: Buffer
  /** What is to be put in, and where it is to go. */
  readonly newKey: Buffer
  readonly newPlace: Buffer
  readonly cursor: Buffer
  readonly levels: number
}

/** Puts the new element at node `start` or below it, in a heap of `size`; once it has found its place, further steps do nothing. */
function siftDown(heap: Heap, start: PrimExpr | number, size: PrimExpr | number): Stmt {
  const { keys, places, newKey, newPlace, cursor, levels, precedes } = heap
  const node = cursor.at(0)
  const left = add(mul(node, 2), 1)
  const right = add(left, 1)
  const follows = (a: readonly [PrimExpr, PrimExpr], b: readonly [PrimExpr, PrimExpr]) =>
    or(precedes(b[0], a[0]), all(eq(a[0], b[0]), gt(a[1], b[1])))
  const entry = (at: PrimExpr) => [keys.at(at), places.at(at)] as const
  const rightIsLater = ifThenElse(lt(right, size), follows(entry(right), entry(left)), constant(0, 'bool'))
  const child = ifThenElse(rightIsLater, right, left)
  const up = sequence(
    keys.store(keys.at(child), node),
    places.store(places.at(child), node),
    cursor.store(child, 0),
  )
  const step = when(lt(left, size), when(follows(entry(child), [newKey.at(0), newPlace.at(0)]), up))
  return sequence(
    cursor.store(start, 0),
    ...(levels > 0 ? [loop(levels, () => step)] : []),
    keys.store(newKey.at(0), node),
    places.store(newPlace.at(0), node),
  )
}
