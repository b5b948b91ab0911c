/** A character that would do something on a terminal, or is not seen there; two joiners write scripts and emoji. */
export const ACTING: RegExp = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
