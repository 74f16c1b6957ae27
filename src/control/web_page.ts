// The web page: three files that anybody may have. What they show comes from the resources, as for any client.

import { readFileSync } from 'node:fs';

const FOLDER = new URL('../web/', import.meta.url);
const FILES: Record<string, readonly [file: string, type: string]> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
};
export const PAGE_PATHS = Object.keys(FILES);

/** Nothing inline, nothing from elsewhere, in nobody's frame: a name that is markup after all would do nothing. */
const POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "connect-src 'self'", 'img-src data:'],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

export interface PageFile {
  readonly text: string;
  readonly headers: Record<string, string>;
}

export function pageFile(path: string): PageFile {
  const [file, type] = FILES[path];
  return {
    text: readFileSync(new URL(file, FOLDER), 'utf8'),
    headers: {
      'content-type': type,
      'cache-control': 'no-cache',
      'content-security-policy': POLICY,
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  };
}
