import { unzipSync } from 'fflate';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Library } from '../../../src/engine/models/library';
import type { Progress } from '../../../src/protocol/models';
import { fixtureBytes } from '../../formats/helpers';
import { MemoryFile, MemoryFiles } from '../../support/memory-files';
import { entry } from '../../support/page';

const checkpoint = unzipSync(fixtureBytes('checkpoints.zip'))['d2o.pkl']!;
const url = 'https://example.org/a.pkl';
const file = { url, bytes: null, sha256: null, dtype: 'f32' };
const catalogue = {
  version: 1,
  models: [entry('public', null, { kind: 'official', method: 'gdd', nfe: 1, sigma: 2.5, files: [file] })],
};

const asked: string[] = [];
let host: Record<string, Uint8Array | string>;

beforeEach(() => {
  new MemoryFiles().install();
  asked.length = 0;
  host = { 'models/index.json': JSON.stringify(catalogue), 'fetched/public.safetensors': checkpoint };
  vi.stubGlobal('fetch', async (address: string) => {
    const path = address.replace('https://here/', '');
    asked.push(path);
    const body = host[path];
    return body === undefined
      ? new Response(null, { status: 404 })
      : new Response(body as BodyInit, { headers: { 'content-length': String(body.length) } });
  });
  // Only a browser reads a Blob synchronously.
  vi.spyOn(Response.prototype, 'blob').mockImplementation(async function (this: Response) {
    return new MemoryFile(new Uint8Array(await this.arrayBuffer()), 'fetched');
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const get = (library: Library) => {
  const seen: Progress[] = [];
  const hooks = { signal: new AbortController().signal, onProgress: (p: Progress) => void seen.push(p) };
  return library.get({ kind: 'catalogue', id: 'public' }, hooks).then((model) => ({ ...model, seen }));
};

test('a public model that the page’s host fetched is opened from there, as the catalogue says', async () => {
  const library = new Library('https://here/models/', 'https://here/fetched/');
  const { info, model, seen } = await get(library);
  expect([info.key, info.sigma, info.precond, info.bytes]).toEqual([
    'public',
    2.5,
    'GDDPrecond',
    checkpoint.length,
  ]);
  expect(seen.at(-1)).toEqual({
    what: 'reading Model public',
    done: checkpoint.length,
    total: checkpoint.length,
    unit: 'bytes',
  });
  const [name] = [...model.weights.names()];
  expect(model.weights.read(name!).length).toBeGreaterThan(0);
  await get(library);
  expect(asked).toEqual(['models/index.json', 'fetched/public.safetensors']);
});

test('one that it has not is not on this device; a host without fetched models is not even asked', async () => {
  delete host['fetched/public.safetensors'];
  await expect(get(new Library('https://here/models/', 'https://here/fetched/'))).rejects.toThrow(
    'not on this device',
  );
  asked.length = 0;
  await expect(get(new Library('https://here/models/'))).rejects.toThrow('not on this device');
  expect(asked).toEqual(['models/index.json']);
});
