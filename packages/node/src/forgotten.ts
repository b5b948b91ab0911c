/**
 * Calls what it was given for a response once nobody can reach that any more: nobody will end it, and its handler, which says
 * by nothing else when it is done, counts as abandoned no longer.
 */
export const forgotten: FinalizationRegistry<() => void> = new FinalizationRegistry((forget) => forget())
