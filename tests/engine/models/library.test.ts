import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Library } from '../../../src/engine/models/library';
import { InnateError } from '../../../src/lib/errors';
import type { Progress } from '../../../src/protocol/models';
import { KeptFiles } from '../../../src/storage/kept-files';
import { fixtureBytes } from '../../formats/helpers';
import { MemoryFile, MemoryFiles } from '../../support/memory-files';

const fixtures = unzipSync(fixtureBytes('checkpoints.zip'));
const file = (name: string, as = name) => new MemoryFile(fixtures[name]!, as);

let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
  files.install();
});
afterEach(() => vi.unstubAllGlobals());

const hooks = () => {
  const seen: Progress[] = [];
  return {
    seen,
    signal: new AbortController().signal,
    onProgress: (p: Progress) => void seen.push(p),
  };
};
/** As the page is after a reload. */
const visit = () => new Library('https://here/models/');
const mine = () => file('d2o.pkl', 'mine.pkl');

describe('a file that is open', () => {
  test('is named by its file, and a second one of the name gets a number', async () => {
    const library = visit();
    expect((await library.open(file('d2o.pkl'), {}, hooks())).key).toBe('file:d2o.pkl');
    const other = new MemoryFile(fixtures['ecm.pkl']!, 'd2o.pkl');
    expect((await library.open(other, {}, hooks())).key).toBe('file:d2o.pkl (2)');
  });

  test('can be read in another preconditioning under the same key', async () => {
    const library = visit();
    const { key, precond, entries, entry } = await library.open(file('d2o.pkl'), {}, hooks());
    expect([precond, entries, entry]).toEqual(['GDDPrecond', ['ema'], 'ema']);
    const again = await library.reread(key, { precond: 'EDMPrecond' }, hooks());
    expect([again.key, again.name, again.precond]).toEqual([key, 'd2o.pkl', 'EDMPrecond']);
    expect((await library.get({ kind: 'opened', key }, hooks())).model.config.precond).toBe('EDMPrecond');
    await expect(library.reread('file:nothing', {}, hooks())).rejects.toThrow('not open any more');
  });
});

describe('a file that is kept', () => {
  test('opens again on the next visit as it was left, and is gone when it is forgotten', async () => {
    const first = visit();
    const h = hooks();
    const { key, kept } = await first.open(mine(), { precond: 'EDMPrecond', entry: 'ema' }, h);
    expect(kept).toBe(false);
    expect(await first.keepFile(key, true, h)).toMatchObject({ key, kept: true });
    expect(h.seen.at(-1)).toMatchObject({ what: 'keeping', unit: 'bytes' });
    first.setSigma(key, 2.5);
    await vi.waitFor(async () => {
      const { models, problems } = await visit().openKept(hooks());
      expect(problems).toEqual([]);
      const left = { key, name: 'mine.pkl', precond: 'EDMPrecond', entry: 'ema', sigma: 2.5, kept: true };
      expect(models).toMatchObject([left]);
    });
    const second = visit();
    await second.openKept(hooks());
    expect((await second.openKept(hooks())).models).toEqual([]); // open already
    const { model } = await second.get({ kind: 'opened', key }, hooks());
    const [name] = [...model.weights.names()];
    expect(model.weights.read(name!).length).toBeGreaterThan(0);
    await second.forget(key);
    expect((await visit().openKept(hooks())).models).toEqual([]);
  });

  test('is no longer kept when a person says so, and stays open', async () => {
    const library = visit();
    const { key } = await library.open(mine(), {}, hooks());
    await library.keepFile(key, true, hooks());
    expect((await library.keepFile(key, false, hooks())).kept).toBe(false);
    expect((await library.get({ kind: 'opened', key }, hooks())).info.key).toBe(key);
    expect((await visit().openKept(hooks())).models).toEqual([]);
  });

  test('that is damaged is said and never deleted', async () => {
    const library = visit();
    const { key } = await library.open(mine(), {}, hooks());
    await library.keepFile(key, true, hooks());
    files.failing = (path, what) => (what === 'read' && path.endsWith('/data') ? new Error('disk') : null);
    const { models, problems } = await visit().openKept(hooks());
    expect(models).toEqual([]);
    expect(problems.join()).toMatch(/damaged.*still in this browser/);
    files.failing = () => null;
    expect((await visit().openKept(hooks())).models).toHaveLength(1);
  });

  test('that waits for its teacher is listed with the reason, and is gone when it is forgotten', async () => {
    const library = visit();
    const key = 'file:student.safetensors';
    const delta = readFileSync('public/models/fashion-mnist-32x32-gdd-i.safetensors');
    vi.stubGlobal('fetch', async () => new Response('{"version": 1, "models": []}'));
    await new KeptFiles().place('student.safetensors', key, async (sink) => sink.write(delta));
    const { models, closed } = await library.openKept(hooks());
    expect(models).toEqual([]);
    expect(closed).toMatchObject([{ key, name: 'student.safetensors', bytes: delta.byteLength }]);
    expect(closed[0]!.why).toMatch(/fashion-mnist-32x32-teacher/);
    await library.forget(key);
    expect((await library.openKept(hooks())).closed).toEqual([]);
  });

  test('needs room, and nothing is left of a copy that failed', async () => {
    const library = visit();
    const { key } = await library.open(mine(), {}, hooks());
    files.failing = (path, what) =>
      what === 'write' && path.endsWith('/about.json')
        ? new DOMException('full', 'QuotaExceededError')
        : null;
    const error = await library.keepFile(key, true, hooks()).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InnateError);
    expect((error as InnateError).describe()).toMatch(/no room for the file/);
    files.failing = () => null;
    expect(await visit().openKept(hooks())).toEqual({ models: [], problems: [], closed: [] });
    expect(await library.get({ kind: 'opened', key }, hooks())).toMatchObject({ info: { kept: false } });
  });

  test('cannot be where the browser keeps none', async () => {
    vi.stubGlobal('navigator', {});
    const library = visit();
    const { key } = await library.open(mine(), {}, hooks());
    await expect(library.keepFile(key, true, hooks())).rejects.toThrow('keeps no files');
    expect(await library.openKept(hooks())).toEqual({ models: [], problems: [], closed: [] });
  });
});
