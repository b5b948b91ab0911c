/** What the command says to whoever started it. These numbers stay as they are. */
export const ExitCode = {
  ok: 0,
  /** `replay`: an answer came, and it is another one than then. */
  different: 1,
  /** A command, an option or a value that there is not. */
  usage: 2,
  /** The file cannot be read, or has a bad line in it. */
  badFile: 3,
  /** No report has that id or fingerprint, or more than one begins with it. */
  noSuchReport: 4,
  /** The request cannot be sent as it is: values are missing, or impossible. */
  refused: 5,
  /** `replay`: no answer came. */
  noAnswer: 6,
  /** A mistake of this program. */
  internal: 70,
  /** What there was to print could not be written. */
  output: 74,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]
