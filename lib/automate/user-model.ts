import { z } from 'zod'

const user = z.strictObject({
  name: z.string(),
  mail: z.string().default(''),
  public_keys: z.array(z.string()).default([]).describe('With which this person may log in on boards.'),
})

/** The people of automate's metadata by their names at login (automate, automate/model/user.py). */
export const usersSchema = z.record(z.string(), user)
export type UserModel = z.output<typeof user>
