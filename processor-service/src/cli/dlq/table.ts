/** Rows as aligned columns, each as wide as its widest cell; the last one ends where it ends. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names with their values below each other. */
export function formatFacts(facts: Readonly<Record<string, string | number | undefined>>): string {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value))}`).join('\n');
}

/** Foreign messages may hold anything, and a terminal obeys control characters. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '·');
}

/** The first line of a text, cut to `length`. */
export function excerpt(text: string, length: number): string {
  const [line = ''] = text.split('\n');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** `2026-11-21 10:12:36`, in UTC, of an ISO 8601 time. */
export function shortTime(time: string | undefined): string {
  return time === undefined ? '-' : time.slice(0, 19).replace('T', ' ');
}

/** `one letter`, `3 letters`. */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
