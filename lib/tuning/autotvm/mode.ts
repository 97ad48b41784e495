/** How the space is searched, by TVM's names. */
export const modes = ['xgb', 'xgb_rank', 'random', 'gridsearch', 'ga'] as const
export type Mode = (typeof modes)[number]
