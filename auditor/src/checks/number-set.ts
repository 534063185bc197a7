/** A set of whole numbers that lie close together, one bit each. */
export interface NumberSet {
  has(number: number): boolean;
  add(number: number): void;
}

const bytesPerBlock = 4_096;
const numbersPerBlock = 8 * bytesPerBlock;

export function createNumberSet(): NumberSet {
  const blocks = new Map<number, Uint8Array>();
  return {
    has(number) {
      const byte = blocks.get(Math.floor(number / numbersPerBlock))?.[Math.floor(number / 8) % bytesPerBlock];
      return byte !== undefined && (byte & (1 << (number % 8))) !== 0;
    },
    add(number) {
      const place = Math.floor(number / numbersPerBlock);
      const block = blocks.get(place) ?? new Uint8Array(bytesPerBlock);
      blocks.set(place, block);
      const index = Math.floor(number / 8) % bytesPerBlock;
      block[index] = (block[index] ?? 0) | (1 << (number % 8));
    },
  };
}
