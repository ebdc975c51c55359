import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeAtomic, writeFolderAtomic } from '../../cli/files';
import { scratch } from '../support/cli';

const out = scratch();
const bytes = (text: string) => new TextEncoder().encode(text);
const read = (path: string) => readFileSync(path, 'utf8');

describe('a file', () => {
  it('is there whole, in place of the one before', async () => {
    const path = join(out, 'whole.txt');
    writeFileSync(path, 'before');
    await writeAtomic(path, [bytes('one '), new Uint8Array(), bytes('two')]);
    expect(read(path)).toBe('one two');
  });

  it('is as it was where its pieces fail', async () => {
    const path = join(out, 'kept.txt');
    writeFileSync(path, 'before');
    const pieces = function* () {
      yield bytes('half');
      throw new Error('no more');
    };
    await expect(writeAtomic(path, pieces())).rejects.toThrow('cannot write the file');
    expect(read(path)).toBe('before');
    expect(readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('Ctrl-C while a file is written', () => {
  const script = join(out, 'write.mjs');
  beforeAll(async () => {
    await build({
      stdin: {
        contents: `
          import { writeAtomic } from './cli/files';
          import { onInterrupt } from './cli/interrupt';
          const [path, taken] = process.argv.slice(2);
          if (taken) onInterrupt(() => console.log('taken'));
          function* pieces() {
            for (let i = 0; i < 100; i++) {
              if (i === 1) console.log('writing');
              const until = performance.now() + 5;
              while (performance.now() < until); // as an encoder would
              yield new Uint8Array(1000).fill(65);
            }
          }
          await writeAtomic(path, pieces());
          console.log('written');
          process.exit();`,
        resolveDir: join(import.meta.dirname, '../..'),
        loader: 'ts',
      },
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
    });
  });

  function interrupted(path: string, signal: NodeJS.Signals, ...args: string[]) {
    const child = spawn(process.execPath, [script, path, ...args]);
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
      if (said === 'writing\n') child.kill(signal);
    });
    return new Promise<{ code: number | null; said: string }>((resolve) =>
      child.on('exit', (code) => resolve({ code, said })),
    );
  }

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s ends the process at once, the old file stays, nothing is left over',
    async (signal, code) => {
      const path = join(out, `${signal}.txt`);
      writeFileSync(path, 'before');
      expect(await interrupted(path, signal)).toEqual({ code, said: 'writing\n' });
      expect(read(path)).toBe('before');
      expect(readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  it('is told to a command that wants to know, and the file is written', async () => {
    const path = join(out, 'taken.txt');
    expect(await interrupted(path, 'SIGINT', 'taken')).toEqual({
      code: 0,
      said: 'writing\ntaken\nwritten\n',
    });
    expect(read(path)).toHaveLength(100_000);
  });
});

describe('a folder', () => {
  const files = (...names: string[]) => names.map((name) => [name, bytes(`new ${name}`)] as const);
  const listed = (folder: string) => readdirSync(folder).sort();

  it('is made with all its files', async () => {
    const folder = join(out, 'made/');
    await writeFolderAtomic(folder, files('a', 'b'));
    expect(listed(folder)).toEqual(['a', 'b']);
    expect(read(join(folder, 'b'))).toBe('new b');
  });

  it('is not made where one of them fails', async () => {
    const failing = function* () {
      yield* files('a');
      throw new Error('no more');
    };
    await expect(writeFolderAtomic(join(out, 'never'), failing())).rejects.toThrow('cannot write');
    expect(existsSync(join(out, 'never'))).toBe(false);
  });

  it('that exists keeps its other files', async () => {
    const folder = join(out, 'existing');
    mkdirSync(folder);
    for (const name of ['b', 'other']) writeFileSync(join(folder, name), `old ${name}`);
    await writeFolderAtomic(folder, files('a', 'b'));
    expect(listed(folder)).toEqual(['a', 'b', 'other']);
    expect([read(join(folder, 'b')), read(join(folder, 'other'))]).toEqual(['new b', 'old other']);
  });

  it('that exists is as it was where one file cannot take its place', async () => {
    const folder = join(out, 'blocked');
    mkdirSync(join(folder, 'c'), { recursive: true });
    for (const name of ['b', 'other']) writeFileSync(join(folder, name), `old ${name}`);
    await expect(writeFolderAtomic(folder, files('a', 'b', 'c', 'd'))).rejects.toThrow(
      'something else of this name',
    );
    expect(listed(folder)).toEqual(['b', 'c', 'other']);
    expect(read(join(folder, 'b'))).toBe('old b');
  });
});
