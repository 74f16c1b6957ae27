// The man pages, by file name.

import { taploomVersion } from '../../control/version.ts';
import { taploomProgram } from '../program.ts';
import { programs } from '../programs.ts';
import { manPage } from './page.ts';
import { BRCTL, BRIDGE, TAPLOOM, TAPLOOMD, type Texts } from './texts.ts';

/** `date` as in `2026-01-31`: when they are written. */
export function manPages(date: string): Map<string, string> {
  const texts: Texts[] = [TAPLOOM, TAPLOOMD, BRCTL, BRIDGE];
  const edition = { version: taploomVersion(), date };
  return new Map(
    programs(taploomProgram()).map((grammar, i) => [
      `${grammar.path[0]}.${texts[i].section}`,
      manPage(grammar, texts[i], edition),
    ]),
  );
}
