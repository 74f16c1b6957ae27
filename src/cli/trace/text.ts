// A trace for people: the frame, one line for each decision under its stage, and the outcome.

import type { Trace, TraceCopy } from '../../api.ts';

/** The longest stage, `replicate`, and the space around it. */
const INDENT = 13;

export function traceText(trace: Trace, width: number): string {
  const [first, ...rest] = trace.steps;
  let text = `${first.message}\n`;
  let stage = '';
  for (const step of rest) {
    const label = step.stage === stage ? '' : step.stage;
    stage = step.stage;
    const lines = wrap(step.message, Math.max(width - INDENT, 30));
    lines.forEach((line, n) => {
      text += `${`  ${n === 0 ? label : ''}`.padEnd(INDENT)}${line}\n`;
    });
  }
  return `${text}${outcomeText(trace)}\n`;
}

function outcomeText({ outcome }: Trace): string {
  const { verdict, reason, help, copies } = outcome;
  if (verdict === 'dropped') return `=> dropped, ${reason}: ${help}`;
  const answers = copies.filter(({ dropped, isAnswer }) => dropped === undefined && isAnswer === true);
  if (verdict === 'consumed')
    return answers.length > 0
      ? `=> answered through ${answers.map(copyText).join(', ')}`
      : '=> taken by the control plane';
  const sent = copies.filter(({ dropped, isAnswer }) => dropped === undefined && isAnswer !== true);
  const lost = copies.filter(({ dropped }) => dropped !== undefined);
  const not = lost.map((copy) => `not to ${copyText(copy)}, ${copy.dropped}`);
  return `=> ${[`forwarded to ${sent.map(copyText).join(', ')}`, ...not].join('; ')}`;
}

function copyText({ port, remote, tag }: TraceCopy): string {
  const to = remote === undefined ? port : `${port} (${remote})`;
  return tag === undefined ? to : `${to} tagged ${tag.vlan}`;
}

/** Breaks between words; a word that is longer than a line has one of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
