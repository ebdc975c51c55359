import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cacheFolder, FetchedModels } from '../../cli/fetched/cache';
import { takeLock } from '../../cli/fetched/lock';
import { checkedAddress, hostsFor, mirrored } from '../../cli/fetched/network';
import { PartFile } from '../../cli/fetched/part-file';
import type { Output } from '../../src/engine/models/convert-stream';
import { InnateError } from '../../src/lib/errors';
import { scratch } from '../support/cli';

function failure(action: () => unknown): InnateError {
  try {
    action();
  } catch (error) {
    if (error instanceof InnateError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const source = { address: 'https://host.org/a.pkl', name: 'a.pkl', bytes: 9, sha256: '1'.repeat(64) };
const text = (words: string) => async (output: Output) => {
  await output.write(Buffer.from(words));
  return { bytes: words.length, tensors: 1 };
};

describe('where models are kept', () => {
  test.each([
    [{ INNATE_CACHE: '/i', XDG_CACHE_HOME: '/x' }, '/i/models'],
    [{ XDG_CACHE_HOME: '/x' }, '/x/innate/models'],
    [{ XDG_CACHE_HOME: 'relative' }, join(homedir(), '.cache/innate/models')],
    [{}, join(homedir(), '.cache/innate/models')],
  ])('%j', (env, folder) => {
    expect(cacheFolder(env as NodeJS.ProcessEnv)).toBe(folder);
  });

  test('an id that is a path is none', () => {
    for (const id of ['../up', 'a/b', '', '.hidden'])
      expect(failure(() => new FetchedModels('/x').path(id)).code).toBe('bad-argument');
  });
});

describe('the folder of fetched models', () => {
  test('gives back what was put in, with its checksum, and nothing of it after its removal', async () => {
    const models = new FetchedModels(join(scratch(), 'new'));
    expect([models.find('a'), models.list(), models.unfinished()]).toEqual([
      null,
      { models: [], damaged: [] },
      [],
    ]);
    const put = await models.put('a', source, text('weights'));
    expect(put).toMatchObject({ id: 'a', bytes: 7, source, path: join(models.folder, 'a.safetensors') });
    // printf weights | sha256sum
    expect(put.sha256).toBe('9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
    expect(models.find('a')).toEqual(put);
    expect(models.list().models).toEqual([put]);
    expect(models.remove('a')).toBeGreaterThan(7);
    expect([models.remove('a'), readdirSync(models.folder)]).toEqual([0, []]);
  });

  test('a conversion that fails leaves nothing, and a killed one is swept', async () => {
    const models = new FetchedModels(scratch());
    await expect(
      models.put('a', source, async (output) => {
        await output.write(Buffer.from('half'));
        throw new InnateError('cancelled', 'cancelled');
      }),
    ).rejects.toThrow('cancelled');
    expect(readdirSync(models.folder)).toEqual([]);
    writeFileSync(join(models.folder, '.a.safetensors.12345.tmp'), 'half');
    writeFileSync(join(models.folder, '.ab.safetensors.12345.tmp'), 'of another');
    expect(models.sweep('a')).toBe(4);
    expect(readdirSync(models.folder)).toEqual(['.ab.safetensors.12345.tmp']);
  });

  test('what is damaged is refused by its name, beside what is whole', async () => {
    const models = new FetchedModels(scratch());
    const damage: [string, (about: string, data: string) => void, string][] = [
      ['shorter', (_, data) => writeFileSync(data, 'w'), 'safetensors'],
      ['gone', (_, data) => rmSync(data), 'safetensors'],
      ['no-json', (about) => writeFileSync(about, '{"version": 1'), 'json'],
      [
        'of-another',
        (about) => writeFileSync(about, readFileSync(about, 'utf8').replace('"of-another"', '"b"')),
        'json',
      ],
      [
        'later',
        (about) => writeFileSync(about, readFileSync(about, 'utf8').replace('"version": 1', '"version": 2')),
        'json',
      ],
    ];
    await models.put('whole', source, text('weights'));
    for (const [id, harm, ending] of damage) {
      await models.put(id, source, text('weights'));
      harm(models.file(id, 'json'), models.path(id));
      const error = failure(() => models.find(id));
      expect([error.code, error.detail.where]).toEqual(['bad-file', join(models.folder, `${id}.${ending}`)]);
      expect(error.detail.hint).toContain(`innate models fetch ${id}`);
    }
    const { models: found, damaged } = models.list();
    expect([found.map((m) => m.id), damaged.length]).toEqual([['whole'], damage.length]);
  });
});

describe('a lock', () => {
  const owner = (pid: number, host = hostname()) => JSON.stringify({ pid, host });
  const lock = () => join(scratch(), 'a.lock');

  test('is had by one until it is given back', () => {
    const path = lock();
    const release = takeLock(path, 'fetches this model');
    const error = failure(() => takeLock(path, 'fetches this model'));
    expect([error.code, error.message, error.detail.where]).toEqual([
      'io',
      'another process fetches this model',
      path,
    ]);
    expect(error.detail.found).toBe(`process ${process.pid} on ${hostname()}`);
    release();
    expect(existsSync(path)).toBe(false);
    takeLock(path, 'fetches')();
  });

  test('of a process that is gone, or of before this machine started, is taken over', () => {
    const path = lock();
    writeFileSync(path, owner(2 ** 22 + 1)); // beyond any process id of Linux
    takeLock(path, 'fetches')();
    writeFileSync(path, owner(process.pid));
    utimesSync(path, 0, 0);
    takeLock(path, 'fetches')();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  test('of another machine, or one that is just being made, is left alone', () => {
    const path = lock();
    writeFileSync(path, owner(1, 'another-machine'));
    expect(failure(() => takeLock(path, 'fetches')).detail.found).toBe('process 1 on another-machine');
    writeFileSync(path, '');
    expect(failure(() => takeLock(path, 'fetches')).code).toBe('io');
    const long = new Date(Date.now() - 60_000);
    utimesSync(path, long, long);
    takeLock(path, 'fetches')();
  });
});

test('a part of a download is read where it was written, cut off and continued', () => {
  const path = join(scratch(), 'a.part');
  const part = new PartFile(path);
  part.write(0, Uint8Array.of(1, 2, 3, 4));
  part.write(2, Uint8Array.of(9));
  expect([part.size, part.read(1, 3)]).toEqual([4, Uint8Array.of(2, 9, 4)]);
  expect(failure(() => part.read(3, 2)).code).toBe('bad-file');
  part.truncate(2);
  part.flush();
  part.close();
  const again = new PartFile(path);
  again.write(2, Uint8Array.of(7));
  expect([again.size, again.read(0, 3), statSync(path).size]).toEqual([3, Uint8Array.of(1, 2, 7), 3]);
  again.close();
});

test('addresses: a mirror takes the place of huggingface.co alone, and nothing leads from https to less', () => {
  const at = 'https://huggingface.co/a/b.pkl';
  const env = (HF_ENDPOINT: string) => ({ HF_ENDPOINT }) as unknown as NodeJS.ProcessEnv;
  expect(mirrored(at, env(''))).toBe(at);
  expect(mirrored(at, env('https://mirror.org'))).toBe('https://mirror.org/a/b.pkl');
  expect(mirrored(at, env('http://mirror.org:8080/hf/'))).toBe('http://mirror.org:8080/hf/a/b.pkl');
  expect(mirrored('https://nvlabs-fi-cdn.nvidia.com/x.pkl', env('https://mirror.org'))).toBe(
    'https://nvlabs-fi-cdn.nvidia.com/x.pkl',
  );
  expect(failure(() => mirrored(at, env('mirror.org'))).detail.where).toBe('HF_ENDPOINT');
  expect(failure(() => checkedAddress('file:///etc/passwd', '--url')).code).toBe('bad-argument');
  expect(failure(() => checkedAddress('https://me:secret@x.org/a.pkl', '--url')).describe()).not.toContain(
    'secret',
  );
  expect([hostsFor(at), hostsFor('http://x.org/')]).toEqual([['https:'], ['http:', 'https:']]);
});
