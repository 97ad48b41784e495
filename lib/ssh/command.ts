/** Milliseconds between a client's signs of life to a command it runs. */
export const BEAT = 5000
/** What one of them is. */
export const SIGN = '.'
/** Milliseconds without a sign of life after which a command is ended. */
const LEASE = 60_000

/** A word of a POSIX shell that stands for exactly this text. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * A command that ends, with all it started, when its standard input does, or brings no sign of life for the length of a lease: sshd leaves the
 * processes of a closed channel running, and one whose client is frozen is not closed. In a session of its own, since a shell
 * without a terminal may have no job control.
 */
export function tied(command: string, leaseMs = LEASE): string {
  const script = [
    'exec 3<&0',
    `setsid sh -c ${quoted(command)} </dev/null 3<&- & c=$!`,
    // Where there is no `timeout`, only the end of the input counts.
    `b() { if command -v timeout >/dev/null; then [ -n "$(timeout ${leaseMs / 1000} dd bs=1 count=1 <&3)" ]; else cat <&3; false; fi; }`,
    '(while b; do :; done; kill -TERM -$c; sleep 2; kill -KILL -$c) >/dev/null 2>&1 & w=$!',
    'exec 3<&-',
    'wait $c; s=$?',
    'kill $w 2>/dev/null',
    'exit $s',
  ]
  return `exec sh -c ${quoted(script.join('\n'))}`
}
