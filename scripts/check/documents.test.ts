import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from './source-files.ts';

const documents = globSync('**/*.md', {
  cwd: repositoryRoot,
  exclude: ['node_modules/**', '.local/**'],
}).map((path) => ({ path, text: read(path) }));

describe('the documents', () => {
  test('link to files that exist', () => {
    const links = findAll(/\]\(([^)#\s]+)/g).filter(([, target = '']) => !/^https?:/.test(target));
    expect(links.length).toBeGreaterThan(50);
    expect(
      links.filter(([path, target = '']) => !existsSync(join(repositoryRoot, fileOf(path, target)))),
    ).toEqual([]);
  });

  test('number each decision once, without gaps', () => {
    const numbers = documents.flatMap(({ path, text }) => {
      const inName = /^docs\/adr\/(\d{4})-/.exec(path)?.[1];
      return inName === undefined ? [] : [[Number(inName), Number(/^# (\d+)\. /.exec(text)?.[1])]];
    });
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers.sort(([a = 0], [b = 0]) => a - b)).toEqual(
      numbers.map((_, index) => [index + 1, index + 1]),
    );
  });

  test('use npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const uses = findAll(/npm run (?:-s )?([\w:]+)/g);
    expect(uses.length).toBeGreaterThan(10);
    expect(uses.filter(([, script = '']) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  test('quote tests by names that they have', () => {
    const quotes = findAll(/\]\(([^)]+\.test\.ts)\): _([^_]+)_/g);
    expect(quotes.length).toBeGreaterThan(5);
    expect(
      quotes.filter(([path, target = '', name = '']) => !read(fileOf(path, target)).includes(name)),
    ).toEqual([]);
  });

  test('have every folder on the map', () => {
    const map = /^## The map$([^]*?)^## /m.exec(read('ARCHITECTURE.md'))?.[1] ?? '';
    const [folders, scripts] = map.split(/^Inside /m).map(foldersNamedIn);
    expect(folders?.filter((folder) => !existsSync(join(repositoryRoot, folder)))).toEqual([]);
    expect(foldersIn('shared/src')).toEqual(expect.arrayContaining(['kernel']));
    expect(foldersIn('shared/src').filter((name) => !folders?.includes(`shared/src/${name}`))).toEqual([]);
    expect(foldersIn('scripts').toSorted()).toEqual(scripts?.toSorted());
    expect(foldersIn('.').filter((name) => !folders?.some((path) => path.split('/')[0] === name))).toEqual(
      [],
    );
  });
});

/** What stands in backquotes in the first columns of tables; `a/{b,c}` are `a/b` and `a/c`. */
function foldersNamedIn(text: string): string[] {
  const cells = [...text.matchAll(/^\| (`.+?) +\|/gm)].map(([, cell = '']) => cell);
  const names = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
  return names.flatMap((name) => {
    const [, before = '', inside] = /^(.*)\{(.*)\}$/.exec(name) ?? [];
    return inside?.split(',').map((part) => before + part) ?? [name];
  });
}

/** The folders in a folder of the repository; not what is installed or hidden. */
function foldersIn(path: string): string[] {
  return readdirSync(join(repositoryRoot, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(\..*|node_modules)$/.test(entry.name))
    .map(({ name }) => name);
}

/** Every match in every document: its path, then what the groups of the pattern caught. */
function findAll(pattern: RegExp): [path: string, ...groups: string[]][] {
  return documents.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map(([, ...groups]): [string, ...string[]] => [path, ...groups]),
  );
}

/** A link's target as a path from the root of the repository. */
function fileOf(document: string, target: string): string {
  return join(dirname(document), target);
}

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}
