// Text from strangers (neighbours, command lines) made fit for a terminal and a log.

/** Control characters, and those that turn the direction of text or break lines where none are: Unicode TR 36. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/** At most `length` characters, unfit ones as a question mark. */
export function plainText(text: string, length: number): string {
  return text.slice(0, length).replace(UNFIT, '?');
}
