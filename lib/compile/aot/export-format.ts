/** Forms of a compiled network that are not for this package's sessions. */
export const exportFormats = ['mlf', 'project'] as const
export type ExportFormat = (typeof exportFormats)[number]
