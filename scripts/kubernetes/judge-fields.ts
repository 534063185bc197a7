/**
 * Are all fields of a manifest known, there where they must be, and of the right type? The validators of the packages
 * overlook a field that nobody knows; the compiler does not: each manifest becomes a literal of its kind's type.
 */
import { join } from 'node:path';
import ts from 'typescript';
import { repositoryRoot } from '#scripts/check/source-files.ts';
import type { KindModule } from './kinds.ts';
import { type Manifest, titleOf } from './manifest.ts';

/** Never written: it stands among the sources so that imports are found from there. */
const fileName = join(repositoryRoot, 'scripts/kubernetes/manifests.virtual.ts');

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};

/** Files of the packages, which do not change: reading them takes longest. */
const read = new Map<string, ts.SourceFile | undefined>();

/** @returns a complaint for each field that is unknown, missing or of the wrong type. */
export function judgeFields(known: readonly { manifest: Manifest; kind: KindModule }[]): string[] {
  const source = known
    .map(({ manifest, kind: { specifier, typeName } }, index) => {
      const literal = JSON.stringify(manifest, null, 1);
      return `export const manifest${index}: import('${specifier}').${typeName} = ${literal};`;
    })
    .join('\n');
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === fileName || fileExists(path);
  host.getSourceFile = (path, ...rest) => {
    if (path === fileName) return ts.createSourceFile(path, source, ts.ScriptTarget.ES2024, true);
    if (!read.has(path)) read.set(path, getSourceFile.call(host, path, ...rest));
    return read.get(path);
  };
  const program = ts.createProgram([fileName], options, host);
  const file = program.getSourceFile(fileName);
  if (file === undefined) throw new Error('the compiler did not take up the manifests');
  // Of a package that cannot be imported the compiler would say nothing but that it is missing.
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
    (diagnostic) => {
      const { index, path } = locate(file, diagnostic.start ?? 0);
      const manifest = known[index]?.manifest;
      const where = `${manifest ? titleOf(manifest) : 'manifests'}: ${path || 'the whole'}`;
      return `${where}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
    },
  );
}

/** Which manifest a position in the source is in, and where in there: `spec.template.spec.containers.0`. */
function locate(file: ts.SourceFile, position: number): { index: number; path: string } {
  const path: string[] = [];
  let index = -1;
  const visit = (node: ts.Node): void => {
    if (position < node.getStart(file) || position >= node.getEnd()) return;
    if (ts.isVariableDeclaration(node)) index = Number(node.name.getText(file).slice('manifest'.length));
    if (ts.isPropertyAssignment(node)) path.push((node.name as ts.StringLiteral).text);
    if (ts.isArrayLiteralExpression(node.parent))
      path.push(String(node.parent.elements.indexOf(node as ts.Expression)));
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return { index, path: path.join('.') };
}
