/** What is compared within one group. */
export type Cases = Record<string, () => unknown>
