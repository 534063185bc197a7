import { renameSync, writeFileSync } from 'node:fs';

/** Replaces a file in one step: a reader sees the old content or the new, never half of it. Only we may read it. */
export function writeFileAtomically(path: string, content: string): void {
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, path);
}
