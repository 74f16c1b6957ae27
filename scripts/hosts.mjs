// What the quickstart's hosts are made of: network namespaces, and processes in them that end with it.

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, SetupError } from './setup.mjs';

const TRAFFIC = join(ROOT, 'build/traffic');

export const say = (line = '') => process.stdout.write(`${line}\n`);

export function ip(lines, netns) {
  const args = [...(netns ? ['-n', netns] : []), '-batch', '-'];
  const result = spawnSync('ip', args, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  if (result.status !== 0)
    throw new SetupError(`ip ${lines.join('; ')} failed: ${result.stderr?.trim() || result.error}`);
}

/** All that was started and must end. */
const children = [];
let isEnding = false;

/** Throws once the end has begun: who goes on meanwhile must leave nothing behind it. */
export function start(command, args, options) {
  if (isEnding) throw new SetupError('It has come to its end.');
  const child = spawn(command, args, options);
  children.push(child);
  return child;
}

/** In a host's namespace. */
export function startIn(netns, command, args) {
  return start('nsenter', [`--net=/run/netns/${netns}`, '--', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function endChildren() {
  isEnding = true;
  return Promise.all(children.map(endChild));
}

async function endChild(child) {
  if (child.exitCode !== null || child.signalCode || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}

/** The generator of scripts/traffic.c. */
export function traffic({ netns }, ...args) {
  return start(TRAFFIC, [netns, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

export async function output(child, onLine = () => {}) {
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    for (const line of `${chunk}`.trim().split('\n')) onLine(line);
    text += chunk;
  }
  return text;
}
