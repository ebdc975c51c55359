import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Checkpoint } from '../../src/formats/checkpoint';
import { openCheckpoint } from '../../src/formats/open-checkpoint';
import { bufferSource, type Source } from '../../src/formats/source';
import { readFloat32 } from '../../src/formats/tensor';
import { InnateError } from '../../src/lib/errors';

const fixture = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

export const fixtureBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(fixture(path)));
export const fixtureSource = (path: string): Source => bufferSource(fixtureBytes(path), path);
export const open = (bytes: Uint8Array, name = 'test'): Checkpoint =>
  openCheckpoint(bufferSource(bytes, name));

/** What a reader made of hostile bytes: a value or an InnateError; anything else, or a long wait, fails the test. */
export function outcome<T>(action: () => T, limitMs = 1000): T | InnateError {
  // Processor time: other work on the machine is not this parser's.
  const start = process.cpuUsage();
  let result: T | InnateError;
  try {
    result = action();
  } catch (error) {
    if (!(error instanceof InnateError)) throw error;
    result = error;
    expect(error.describe().length).toBeLessThan(2000);
  }
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000).toBeLessThan(limitMs);
  return result;
}

/** Opens a checkpoint and reads every tensor that is not absurdly large. */
export function openAndRead(bytes: Uint8Array): Checkpoint | InnateError {
  return outcome(() => {
    const checkpoint = open(bytes);
    for (const ref of checkpoint.tensors.values()) readFloat32(ref);
    return checkpoint;
  });
}

/** The InnateError that an action must end in. */
export function failure(action: () => unknown): InnateError {
  const result = outcome(action);
  if (!(result instanceof InnateError)) throw new Error('expected an InnateError');
  return result;
}

export const bytesOf = (...parts: (string | number | Uint8Array | readonly number[])[]): Uint8Array => {
  const flat: number[] = [];
  for (const part of parts) {
    if (typeof part === 'string') for (const c of part) flat.push(c.charCodeAt(0));
    else if (typeof part === 'number') flat.push(part);
    else for (const b of part) flat.push(b);
  }
  return Uint8Array.from(flat);
};

export const u32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
export const u64 = (n: number): number[] => [...u32(n % 2 ** 32), ...u32(Math.floor(n / 2 ** 32))];

export function concat(parts: Iterable<Uint8Array>): Uint8Array {
  const list = [...parts];
  const out = new Uint8Array(list.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of list) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
