// Runs a command of `taploom`, and turns what goes wrong into text and an exit code.

import { ControlClient, type ControlError } from '../control/client.ts';
import { TaploomError } from '../error.ts';
import type { Context } from './context.ts';
import { actionLines } from './print.ts';
import type { Values } from './setting_values.ts';
import type { Terminal } from './terminal.ts';

type Run = (context: Context) => Promise<void>;

export async function execute(terminal: Terminal, options: Values, run: Run): Promise<number> {
  const client = new ControlClient(options.socket as string | undefined);
  const json = options.json === true || options.format === 'json';
  try {
    await run({ client, options, terminal, json });
    return 0;
  } catch (error) {
    if (!(error instanceof TaploomError)) throw error;
    terminal.error(json ? `${JSON.stringify(errorJson(error, options))}\n` : errorText(error, options));
    return error.code === 'invalid_usage' ? 2 : 1;
  } finally {
    client.close();
  }
}

function errorJson(error: TaploomError, options: Values): object {
  const { code, problems, results } = error as ControlError;
  const message = messageOf(error, options);
  return {
    error: {
      code,
      message,
      ...(problems && problems.length > 0 && { problems }),
      ...(results && results.length > 0 && { results }),
    },
  };
}

function errorText(error: TaploomError, options: Values): string {
  const { results = [] } = error as Partial<ControlError>;
  if (error.code === 'invalid_config') {
    return `taploom: the configuration would not be valid, nothing was changed:\n${error.message.replaceAll(/^/gm, '  ')}\n`;
  }
  if (results.length > 1) {
    return `taploom: some of the actions failed; the others are in force\n${actionLines(results)}`;
  }
  return `taploom: ${messageOf(error, options)}\n`;
}

/** Fields of a request in the words of the command line: `--since` in place of `query.since`. */
function messageOf({ code, message, problems = [] }: Partial<ControlError> & Error, options: Values): string {
  if (code !== 'invalid_request' || problems.length === 0) return message;
  return problems
    .map(({ path, message }) => {
      const field = path.split('.').findLast((key) => !/^\d+$/.test(key)) as string;
      const key = field.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      return `${key in options ? `--${field.replaceAll('_', '-')}` : field}: ${message}`;
    })
    .join('; ');
}
