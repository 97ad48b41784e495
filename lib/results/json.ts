/** JSON has no infinity, which a comparison without any difference yields. */
const TAG = '$number'

export function encodeJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'number' && !Number.isFinite(each) ? { [TAG]: String(each) } : each,
  )
}

export function decodeJson(text: string): unknown {
  return JSON.parse(text, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && TAG in each ? Number(each[TAG]) : each,
  )
}
