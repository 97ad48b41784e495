import { type FileHandle, open } from 'node:fs/promises'
import { TvmNodeError } from '../errors.js'
import { parseRecordLog, type RecordLog } from '../schedule-config/log.js'
import { encodeRecord, type TuningRecord } from '../schedule-config/record.js'

/** A log that grows while a network is tuned, and from which a later run goes on. */
export class RecordFile {
  private failure: Error | undefined

  private constructor(
    private readonly file: FileHandle,
    /** What was there before. */
    readonly before: RecordLog,
  ) {}

  /**
   * Opens or creates a log. A last line that was cut off is removed.
   *
   * @throws `ERR_WRITE_FAILED` when the file cannot be opened for reading and writing
   */
  static async open(path: string): Promise<RecordFile> {
    try {
      const file = await open(path, 'a+')
      const text = await file.readFile('utf8')
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      const before = parseRecordLog(text, path)
      if (whole.length < text.length) {
        const last = parseRecordLog(text.slice(whole.length), path)
        if (last.records.length > 0) await file.write('\n')
        else await file.truncate(Buffer.byteLength(whole))
      }
      return new RecordFile(file, before)
    } catch (cause) {
      throw new TvmNodeError(
        'ERR_WRITE_FAILED',
        `cannot open the records ${path}: ${(cause as Error).message}`,
        { cause, details: { path } },
      )
    }
  }

  /**
   * Appends records and has the system write them out.
   *
   * @returns Why that failed, once: a full disk must not end the tuning.
   */
  async append(records: readonly TuningRecord[]): Promise<Error | undefined> {
    try {
      const lines = records.map(encodeRecord).filter((line) => line !== '')
      await this.file.write(lines.map((line) => `${line}\n`).join(''))
      await this.file.datasync()
      return undefined
    } catch (error) {
      const isNew = this.failure === undefined
      this.failure = error as Error
      return isNew ? this.failure : undefined
    }
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}
