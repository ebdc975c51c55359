import { closeSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PartFile } from '../../cli/fetched/part-file';
import { fileSource } from '../../cli/files';
import { readFully } from '../../cli/read-fully';
import type { InnateError } from '../../src/lib/errors';
import { scratch } from '../support/cli';

const path = join(scratch(), 'ten.bin');
const BYTES = Uint8Array.from({ length: 10 }, (_, i) => i + 1);
writeFileSync(path, BYTES);

function opened<T>(work: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

const failure = (work: () => unknown): InnateError => {
  try {
    work();
  } catch (error) {
    return error as InnateError;
  }
  throw new Error('nothing failed');
};

it('reads on where the system gives less than was asked for', () => {
  const asked: number[] = [];
  const three = ((fd: number, bytes: Uint8Array, at: number, length: number, position: number) => {
    asked.push(length);
    return readSync(fd, bytes, at, Math.min(3, length), position);
  }) as typeof readSync;
  expect(opened((fd) => readFully(fd, 1, 8, 'ten.bin', three))).toEqual(BYTES.subarray(1, 9));
  expect(asked).toEqual([8, 5, 2]);
  expect(opened((fd) => readFully(fd, 10, 0, 'ten.bin'))).toEqual(new Uint8Array());
});

it('says where a file ended that was longer when it was opened', () => {
  const sources = [fileSource(path), new PartFile(path)];
  expect(failure(() => opened((fd) => readFully(fd, 4, 8, 'ten.bin')))).toMatchObject({
    code: 'io',
    message: 'the file became shorter while it was read',
    detail: { where: 'ten.bin', expected: '8 bytes from byte 4', found: '6' },
  });
  truncateSync(path, 5);
  expect(failure(() => sources[0]!.read(2, 8))).toMatchObject({ code: 'io', detail: { found: '3' } });
  expect(failure(() => sources[1]!.read(2, 8)).code).toBe('bad-file'); // its size is asked anew
});
