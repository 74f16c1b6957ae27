// Server-sent events, the reader's side: HTML Living Standard, 9.2.6. Text comes in pieces of any length.

export interface SseMessage {
  id: string;
  event: string;
  data: string;
}

/** An event longer than this is no event of ours. */
const MAX_LINE = 1 << 20;

export class SseParser {
  private rest = '';
  private id = '';
  private event = '';
  private data: string[] = [];

  /** The messages that `text` completes. @throws Error if a line has no end */
  push(text: string): SseMessage[] {
    const messages: SseMessage[] = [];
    const whole = this.rest + text;
    // A CR at the end may be half of a line end.
    const lines = whole.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() as string;
    if (this.rest.length > MAX_LINE) throw new Error('a line without an end');
    for (const line of lines) {
      if (line !== '') this.field(line);
      else if (this.data.length > 0) {
        messages.push({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
        this.data = [];
        this.event = '';
      } else this.event = '';
    }
    return messages;
  }

  private field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.data.push(value);
    else if (name === 'event') this.event = value;
    else if (name === 'id' && !value.includes('\0')) this.id = value;
  }
}
