/**
 * Holds the arrows between folders: `node scripts/check/dependency-arrows.ts`. The rules are in `dependency-rules.ts`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cruise, type IModule, type IViolation } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { forbiddenArrows } from './dependency-rules.ts';
import { listSourceFiles, repositoryRoot } from './source-files.ts';

export interface ArrowReport {
  /** Every import that points the wrong way. */
  readonly violations: readonly IViolation[];
  /** Source files whose imports were not seen; an arrow may hide in each of them. */
  readonly unread: readonly string[];
}

/** Looks at all imports of `files`, which are paths relative to `root`. */
export async function inspectArrows(root: string, files: readonly string[]): Promise<ArrowReport> {
  const { output } = await cruise(
    [...files],
    {
      baseDir: root,
      ruleSet: { forbidden: forbiddenArrows.map((rule) => ({ ...rule, severity: 'error' })) },
      validate: true,
      tsPreCompilationDeps: true,
      doNotFollow: { path: ['^node_modules/', '/generated/'] },
    },
    { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
    { tsConfig: extractTSConfig(join(root, 'tsconfig.json')) },
  );
  if (typeof output === 'string') throw new Error('dependency-cruiser gave text where a result was expected');
  return { violations: output.summary.violations, unread: await findUnread(root, files, output) };
}

/**
 * Where dependency-cruiser finds no compiler that it can use, it skips every TypeScript file, says nothing and exits
 * with 0: rules that saw nothing hold. So each file must be among the modules, and not as one without imports if its
 * text has some.
 */
export async function findUnread(
  root: string,
  files: readonly string[],
  result: { readonly modules: readonly Pick<IModule, 'source' | 'dependencies'>[] },
): Promise<string[]> {
  const importCounts = new Map(
    result.modules.map(({ source, dependencies }) => [source, dependencies.length]),
  );
  const verdicts = await Promise.all(
    files.map(async (file) => {
      const hasImports = /^import\s/m.test(await readFile(join(root, file), 'utf8'));
      return { file, read: (importCounts.get(file) ?? -1) >= (hasImports ? 1 : 0) };
    }),
  );
  return verdicts.filter(({ read }) => !read).map(({ file }) => file);
}

function describe({ rule, from, to, cycle }: IViolation): string {
  const arrow = [from, ...(cycle?.map(({ name }) => name) ?? [to])].join(' → ');
  const comment = forbiddenArrows.find(({ name }) => name === rule.name)?.comment;
  return comment === undefined ? `${rule.name}: ${arrow}` : `${rule.name}: ${arrow}\n    ${comment}`;
}

if (import.meta.main) {
  const files = await listSourceFiles(repositoryRoot);
  const { violations, unread } = await inspectArrows(repositoryRoot, files);
  for (const file of unread) console.error(`not read: ${file}`);
  for (const violation of violations) console.error(describe(violation));
  console.log(
    `${files.length - unread.length} of ${files.length} files read, ${violations.length} wrong arrows`,
  );
  if (files.length === 0 || unread.length > 0 || violations.length > 0) process.exitCode = 1;
}
