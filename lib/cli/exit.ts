/** Exit codes; `docs/cli.md` lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130, closed: 141 } as const
