import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openJournal } from './journal.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
  file = join(folder, 'not/there/yet/journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Opens the file and says what is in it. */
function reopen() {
  const records: unknown[] = [];
  const torn: string[] = [];
  const journal = openJournal({
    file,
    replay: (record) => records.push(record),
    onTorn: (tail) => torn.push(tail),
  });
  return { journal, records, torn };
}

async function write(...records: object[]): Promise<void> {
  const { journal } = reopen();
  for (const record of records) journal.append(record);
  await journal.flushed();
  journal.close();
}

describe('a journal', () => {
  test('gives back every record in order, over any number of openings', async () => {
    await write({ n: 1 }, { n: 2 });
    await write({ n: 3 });
    expect(reopen().records).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('has a record in the file once flushed resolves, while it is still open', async () => {
    const { journal } = reopen();
    journal.append({ text: 'zwölf\neurós' });
    await journal.flushed();
    expect(readFileSync(file, 'utf8')).toBe('{"text":"zwölf\\neurós"}\n');
    journal.close();
  });

  test('writes what is pending when it is closed', () => {
    const { journal } = reopen();
    journal.append({ n: 1 });
    journal.close();
    expect(reopen().records).toEqual([{ n: 1 }]);
  });

  test('gives back records that lie across the borders of its read buffer', async () => {
    const records = Array.from({ length: 30 }, (_, n) => ({ n, text: 'ü'.repeat(70_000 + n) }));
    await write(...records);
    expect(reopen().records).toEqual(records);
  });

  test('cuts a torn last line off, reports it and goes on behind the last whole record', async () => {
    await write({ n: 1 }, { n: 2 });
    appendFileSync(file, '{"n":3,"text":"hal');
    const { journal, records, torn } = reopen();
    expect(records).toEqual([{ n: 1 }, { n: 2 }]);
    expect(torn).toEqual(['{"n":3,"text":"hal']);
    journal.append({ n: 4 });
    journal.close();
    expect(readFileSync(file, 'utf8')).toBe('{"n":1}\n{"n":2}\n{"n":4}\n');
  });

  test('keeps a last record that lacks nothing but its newline', async () => {
    await write({ n: 1 });
    appendFileSync(file, '{"n":2}');
    const { journal, records, torn } = reopen();
    expect(records).toEqual([{ n: 1 }, { n: 2 }]);
    expect(torn).toEqual([]);
    journal.append({ n: 3 });
    journal.close();
    expect(reopen().records).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('refuses a file that is unreadable further up and leaves it as it is', async () => {
    await write({ n: 1 });
    appendFileSync(file, 'rubbish\n{"n":3}\n');
    const before = readFileSync(file, 'utf8');
    expect(reopen).toThrow('Unreadable line at byte 8');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('passes on what the reader of a record throws, even at the last one', () => {
    file = join(folder, 'journal.jsonl');
    writeFileSync(file, '{"n":1}\n');
    const refuse = (): never => {
      throw new Error('not mine');
    };
    expect(() => openJournal({ file, replay: refuse, onTorn: () => {} })).toThrow('not mine');
  });

  // A device that is always full; only Linux has it.
  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('rejects flushed, now and ever after, once the file cannot be written', async () => {
    const journal = openJournal({ file: '/dev/full', replay: () => {}, onTorn: () => {} });
    journal.append({ n: 1 });
    await expect(journal.flushed()).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(journal.flushed()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(() => journal.append({ n: 2 })).toThrow('ENOSPC');
    journal.close();
  });
});
