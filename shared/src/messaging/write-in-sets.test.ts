import { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import type { ChannelModel } from 'amqplib';
import { writeInSets } from './write-in-sets.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const modelOf = (stream: unknown) => ({ connection: { stream } }) as unknown as ChannelModel;

test('what is written in one turn goes out together, in order and without waiting for more', async () => {
  const sent: string[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      sent.push(String(chunk));
      done();
    },
    writev(chunks, done) {
      sent.push(chunks.map(({ chunk }) => String(chunk)).join('+'));
      done();
    },
  });
  writeInSets(modelOf(socket));
  socket.write('a');
  socket.write('b');
  setImmediate(() => {
    socket.write('c');
    socket.write('d');
    socket.write('e');
  });
  expect(sent).toEqual([]);
  await turn();
  await turn();
  expect(sent).toEqual(['a+b', 'c+d+e']);
  await new Promise<void>((resolve) => socket.end('f', resolve));
  expect(sent.at(-1)).toBe('f');
});

test('a socket with no room left says so, and when there is room again', async () => {
  let finish = (): void => undefined;
  const write = (done: () => void): void => {
    finish = done;
  };
  const socket = new Duplex({
    writableHighWaterMark: 4,
    read: () => undefined,
    write: (_chunk, _encoding, done) => write(done),
    writev: (_chunks, done) => write(done),
  });
  writeInSets(modelOf(socket));
  expect([socket.write('ab'), socket.write('cd')]).toEqual([true, false]);
  const drained = new Promise((resolve) => socket.once('drain', () => resolve('room')));
  await turn();
  finish();
  expect(await drained).toBe('room');
});

test('a client of another build is refused instead of being slow in silence', () => {
  expect(() => writeInSets(modelOf(undefined))).toThrow('no socket where it used to have one');
});
