// The page's questions.

import type { Answers } from './answers.ts';

export class AnswerError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const PATIENCE_MS = 5000;

/**
 * The path is relative: a proxy may have put the page below one of its own. The token is what stands behind the `#` of
 * the page's address; on the control socket there is none.
 */
export async function ask<Name extends keyof Answers>(
  resource: Name,
  query: Record<string, string>,
): Promise<Answers[Name]> {
  const token = location.hash.slice(1);
  const response = await fetch(`v1/${resource}?${new URLSearchParams(query)}`, {
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    cache: 'no-store',
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = await response.json();
  if (!response.ok) throw new AnswerError(response.status, answer.detail);
  return answer;
}
