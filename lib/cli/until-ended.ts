import { EXIT } from './exit.js'

/** Runs a service until it ends by itself or a signal ends it. Returns the exit code. @throws the signal's reason */
export async function untilEnded(
  signal: AbortSignal,
  service: { close(): Promise<void> },
  done: Promise<unknown> = new Promise(() => {}),
): Promise<number> {
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  if (!signal.aborted) await Promise.race([done, aborted])
  await service.close()
  signal.throwIfAborted()
  return EXIT.ok
}
