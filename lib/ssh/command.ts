/** A word of a POSIX shell that stands for exactly this text. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * A command that ends, with all it started, when its standard input does: sshd leaves the processes of a closed channel running.
 * In a session of its own, since a shell without a terminal may have no job control.
 */
export function tied(command: string): string {
  const script = [
    'exec 3<&0',
    `setsid sh -c ${quoted(command)} </dev/null 3<&- & c=$!`,
    '(cat <&3; kill -TERM -$c; sleep 2; kill -KILL -$c) >/dev/null 2>&1 & w=$!',
    'exec 3<&-',
    'wait $c; s=$?',
    'kill $w 2>/dev/null',
    'exit $s',
  ]
  return `exec sh -c ${quoted(script.join('\n'))}`
}
