import { type FileHandle, open } from 'node:fs/promises'
import { TvmNodeError } from '../errors.js'

/** A file of lines that grows. */
export class AppendedFile {
  private constructor(
    private readonly file: FileHandle,
    /** What was there before. */
    readonly before: string,
    /** The same without a last line that was cut off. */
    readonly kept: string,
  ) {}

  /**
   * Opens or creates the file. A last line that was cut off is removed.
   *
   * @param isWhole - Whether a last line that nothing ends is a line all the same.
   * @throws `ERR_WRITE_FAILED` when the file cannot be opened for reading and writing
   */
  static async open(path: string, isWhole: (line: string) => boolean): Promise<AppendedFile> {
    try {
      const file = await open(path, 'a+')
      const before = await file.readFile('utf8')
      const ended = before.slice(0, before.lastIndexOf('\n') + 1)
      const whole = ended.length === before.length || isWhole(before.slice(ended.length))
      if (!whole) await file.truncate(Buffer.byteLength(ended))
      else if (ended.length < before.length) await file.write('\n')
      return new AppendedFile(file, before, whole ? before : ended)
    } catch (cause) {
      throw new TvmNodeError(
        'ERR_WRITE_FAILED',
        `cannot open the records ${path}: ${(cause as Error).message}`,
        { cause, details: { path } },
      )
    }
  }

  /** Appends lines and has the system write them out: all of them, or none where that fails. */
  async append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    const { size } = await this.file.stat()
    try {
      // `write` would be content with as much as fits on the disk.
      await this.file.appendFile(lines.map((line) => `${line}\n`).join(''))
      await this.file.datasync()
    } catch (error) {
      await this.file.truncate(size).catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}
