/** What a result is of. Apart from the records' checks, which the command line need not load to know its words. */
export const resultKinds = [
  'compile',
  'run',
  'bench',
  'profile',
  'tune',
  'evaluation',
  'operators',
  'memory',
  'passes',
] as const
/** How it ended. */
export const resultStatuses = ['ok', 'failed', 'skipped'] as const
