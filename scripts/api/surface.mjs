// The public surface of the library as its declarations in dist/ have it: for each entry of package.json's `exports` what is
// exported, with docstring and text, and what can be reached from there by name.
//
// TypeScript 7 has its compiler API under `unstable`: the version is pinned, and only this file knows it.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API, SymbolFlags } from 'typescript/unstable/sync';
import { ROOT } from '../setup.mjs';

const DIST = join(ROOT, 'dist/src/');
const NAMED = new Set([
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
  SyntaxKind.ClassDeclaration,
  SyntaxKind.EnumDeclaration,
]);
const OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  lib: ['es2023', 'es2024.sharedmemory', 'esnext.disposable'],
  types: ['node'],
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};

/**
 * By entry, `taploom/simulation`: `{ exported, reached }`, lists of `{ name, doc, text, uses }`, sorted by name. `uses` are
 * `{ name, entry }`; what an entry before has is not listed again.
 */
export function surface() {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const entries = Object.entries(exports)
    .filter(([, { types }]) => types !== undefined)
    .map(([path, { types }]) => [join(name, path), join(ROOT, types)]);
  const folder = join(ROOT, 'build/api');
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'tsconfig.json');
  const compilerOptions = { ...OPTIONS, typeRoots: [join(ROOT, 'node_modules/@types')] };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: entries.map(([, file]) => file) }));
  const api = new API({ cwd: ROOT });
  try {
    const { program, checker } = api.updateSnapshot({ openProject: config }).getProjects()[0];
    /** Symbol -> where its name is explained. */
    const known = new Map();
    return new Map(
      entries.map(([entry, file]) => [entry, readEntry(checker, program.getSourceFile(file), entry, known)]),
    );
  } finally {
    api.close();
  }
}

function readEntry(checker, file, entry, known) {
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file)).map((symbol) => {
    const target = original(checker, symbol);
    if (!known.has(target.id)) known.set(target.id, { name: symbol.name, entry });
    return [symbol.name, target];
  });
  const reached = [];
  const read = ([name, symbol]) => {
    const nodes = symbol.declarations.map((handle) => handle.resolve()).filter((node) => node !== undefined);
    const uses = new Set();
    for (const { id, target } of nodes.flatMap((node) => referencesIn(checker, node))) {
      if (!known.has(id)) {
        known.set(id, { name: target.name, entry });
        reached.push([target.name, target]);
      }
      if (id !== symbol.id) uses.add(known.get(id));
    }
    const doc = checker.getDocumentationCommentOfSymbol(symbol);
    const texts = nodes.map(textOf);
    return { name, doc, text: texts.join('\n'), uses: [...uses].sort(byName) };
  };
  const own = exported.map(read);
  const others = [];
  for (let n = 0; n < reached.length; n++) others.push(read(reached[n]));
  return { exported: own.sort(byName), reached: others.sort(byName) };
}

function byName(a, b) {
  return a.name < b.name ? -1 : 1;
}

function original(checker, symbol) {
  return symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The types of ours that a declaration names, where a reader can see them. */
function referencesIn(checker, node) {
  const names = [];
  const visit = (part) => {
    if (isHidden(part)) return;
    if (part.kind === SyntaxKind.Identifier) names.push(part);
    part.forEachChild(visit);
  };
  node.forEachChild(visit);
  const found = names.length === 0 ? [] : checker.getSymbolAtLocation(names);
  return found.flatMap((symbol) => {
    if (symbol === undefined) return [];
    const target = original(checker, symbol);
    const [declaration] = target.declarations;
    const isOurs = declaration?.path.startsWith(DIST) && NAMED.has(declaration.kind);
    return isOurs ? [{ id: target.id, target }] : [];
  });
}

/** Declarations as they are written, without what is private. */
function textOf(node) {
  const whole = node.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node;
  const { text } = whole.getSourceFile();
  if (whole.members === undefined) return text.slice(whole.getStart(), whole.end);
  const shown = whole.members.filter((member) => !isHidden(member));
  const head = text.slice(whole.getStart(), whole.members.pos);
  return `${head}${shown.map(({ pos, end }) => text.slice(pos, end)).join('')}\n}`;
}

function isHidden(node) {
  if (node.modifiers?.some(({ kind }) => kind === SyntaxKind.PrivateKeyword)) return true;
  if (node.pos === undefined || node.parent?.members === undefined) return false;
  return node.getSourceFile().text.slice(node.pos, node.getStart()).includes('@internal');
}
