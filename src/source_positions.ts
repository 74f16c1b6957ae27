// Stack traces of what is bundled name its sources, by the source map beside the bundle. Node's own way, --enable-source-maps,
// reads all maps at the start; here one is read when a stack is.

import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapping } from 'node:module';

/** For programs and threads of our own: it is the whole process' setting, or thread's. */
export function nameSources(): void {
  Error.prepareStackTrace = (error, frames) =>
    [`${error}`, ...frames.map((frame) => `    at ${located(frame)}`)].join('\n');
}

function located(frame: NodeJS.CallSite): string {
  const text = String(frame);
  const [file, line, column] = [frame.getFileName(), frame.getLineNumber(), frame.getColumnNumber()];
  if (!file?.startsWith('file:') || line === null || column === null) return text;
  const { originalSource, originalLine, originalColumn } = (mapOf(file)?.findEntry(line - 1, column - 1) ??
    {}) as Partial<SourceMapping>;
  if (originalSource === undefined || originalLine === undefined || originalColumn === undefined) return text;
  const source = new URL(originalSource, file).href;
  return text.replace(`${file}:${line}:${column}`, `${source}:${originalLine + 1}:${originalColumn + 1}`);
}

const maps = new Map<string, SourceMap | undefined>();

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) maps.set(file, readMap(file));
  return maps.get(file);
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`), 'utf8')));
  } catch {
    return undefined; // not bundled, or its map was left out: the positions are right as they are
  }
}
