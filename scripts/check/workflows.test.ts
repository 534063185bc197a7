import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from './source-files.ts';

const workflows = globSync('.github/workflows/*.yml', { cwd: repositoryRoot }).map((path) => ({
  path,
  text: readFileSync(join(repositoryRoot, path), 'utf8'),
}));

describe('the workflows', () => {
  test('use actions by commit, with the version beside it', () => {
    const uses = workflows.flatMap(({ text }) =>
      [...text.matchAll(/uses: (.+)/g)].map(([, action]) => action),
    );
    expect(uses.length).toBeGreaterThan(3);
    expect(
      uses.filter((action = '') => !/^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action)),
    ).toEqual([]);
  });

  test('may read the repository, and nothing else', () => {
    expect(workflows.length).toBeGreaterThan(0);
    for (const { path, text } of workflows) {
      const permissions = [...text.matchAll(/^( *)permissions:(.*(?:\n\1 +.+)*)/gm)].map(
        ([, indent = '', granted = '']) => indent + granted.trim(),
      );
      expect([path, permissions]).toEqual([path, ['contents: read']]);
      expect(text).not.toMatch(/\$\{\{ *secrets\./);
    }
  });

  test('call npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const called = workflows.flatMap(({ text }) =>
      [...text.matchAll(/run: npm (?:run )?([\w:]+)/g)].map(([, script = '']) => script),
    );
    expect(called.length).toBeGreaterThan(3);
    expect(
      called.filter((script) => !Object.hasOwn(scripts, script) && !['ci', 'audit'].includes(script)),
    ).toEqual([]);
  });
});
