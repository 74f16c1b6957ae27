// Text from strangers (neighbours, command lines) made fit for a terminal and a log.

/** Control characters, and those that turn the direction of text or break lines where none are: Unicode TR 36. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/** At most `length` characters, unfit ones as a question mark. */
export function plainText(text: string, length: number): string {
  return text.slice(0, length).replace(UNFIT, '?');
}

/** `text` with unfit characters as JSON would write them, line ends and tabs excepted. */
export function escapeUnfit(text: string): string {
  return text.replace(UNFIT, (unfit) =>
    unfit === '\n' || unfit === '\t'
      ? unfit
      : Array.from(
          { length: unfit.length },
          (_, n) => `\\u${unfit.charCodeAt(n).toString(16).padStart(4, '0')}`,
        ).join(''),
  );
}

/** As a name or a path must not have them: unfit characters and line ends. */
export function isFit(text: string): boolean {
  return text.search(UNFIT) < 0;
}
