import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { preset } from '../../../src/distil/config';
import { openFeatureFile } from '../../../src/engine/models/feature-file';
import type { Model } from '../../../src/engine/models/model';
import { RunFolder } from '../../../src/engine/runs/folder';
import { checkPaperFile, openPaperFiles } from '../../../src/engine/runs/paper-files';
import { keepSources, missingSources, reopenSources, savedRequest } from '../../../src/engine/runs/sources';
import { writeSafetensors } from '../../../src/formats/safetensors';
import { blobSource } from '../../../src/formats/source';
import type { DistilRequest } from '../../../src/protocol/distil';
import type { RunRecord } from '../../../src/protocol/runs';
import { FIXTURES } from '../../support/fixtures';
import { MemoryFile, MemoryFiles } from '../../support/memory-files';

/** The second feature network and the class table in the page: from the chosen file to the resumed run. */
const files = new MemoryFiles();
beforeEach(() => files.install());
afterEach(() => vi.unstubAllGlobals());

const fixture = (name: string) =>
  new MemoryFile(new Uint8Array(readFileSync(join(FIXTURES, 'method', name))), name);
const vgg = fixture('vgg16-bn.legacy.pth');
const deit = fixture('deit.wrapped.zip.pth');
const matrix = (rows: number, dim: number) => {
  const values = Float32Array.from({ length: rows * dim }, (_, i) => i);
  const bytes = () => new Uint8Array(values.buffer);
  const pieces = [
    ...writeSafetensors({ tensors: new Map([['w', { dtype: 'f32', shape: [rows, dim], bytes }]]) }),
  ];
  return new MemoryFile(new Uint8Array(Buffer.concat(pieces)), 'table.safetensors');
};

const config = { ...preset('paper-cifar10'), secondFeatures: 'vgg16-bn', classEmbeddings: 'table' } as const;

test('a file says what it holds, or why it cannot be used', () => {
  expect(checkPaperFile(vgg, 'secondFeatures')).toEqual({ network: 'vgg16-bn' });
  expect(checkPaperFile(deit, 'secondFeatures')).toEqual({ network: 'deit-distilled' });
  expect(checkPaperFile(matrix(10, 4), 'classTable')).toEqual({ rows: 10, dim: 4 });
  const bad = (run: () => unknown) => expect(run).toThrow(expect.objectContaining({ code: 'bad-file' }));
  bad(() => checkPaperFile(matrix(10, 4), 'secondFeatures'));
  bad(() => checkPaperFile(vgg, 'classTable'));
});

test('a run opens what its configuration names, and refuses another network', () => {
  const open = openPaperFiles({ secondFeatures: vgg, classTable: matrix(10, 4) }, config);
  expect(open.classTable).toMatchObject({ rows: 10, dim: 4 });
  expect([...open.secondFeatures!.names()]).toContain('features.0.weight');
  expect(openPaperFiles({ secondFeatures: vgg }, preset('small'))).toEqual({});
  expect(() => openPaperFiles({ secondFeatures: deit }, config)).toThrow(
    expect.objectContaining({
      code: 'mismatch',
      detail: expect.objectContaining({ found: 'deit-distilled' }),
    }),
  );
});

const about = { teacherName: 'T' } as DistilRequest['about'];
const request: DistilRequest = {
  about,
  teacher: { kind: 'catalogue', id: 't' },
  student: null,
  data: { kind: 'pack', id: 'p' },
  paper: { secondFeatures: vgg, classTable: matrix(10, 4) },
  config,
  sampleSeeds: [0],
  sampleEvery: 1,
  measureImages: 0,
  measureEvery: 0,
};
const teacher = { config: {} } as Model;
const services = {
  model: async () => ({ model: teacher }),
  data: { open: async () => 'images' },
} as never;
const record = (kept: RunRecord['kept']): RunRecord =>
  ({ about, request: savedRequest(request), config, kept }) as RunRecord;
const resume = (chosen: File[]) =>
  ({ resume: 'run-1', from: 'last', changes: {}, files: chosen, teacher: null }) as const;

test('a network is kept beside its run without what is not looked through, and a resumed run has it', async () => {
  const saved = savedRequest(request);
  expect(saved).not.toHaveProperty('paper');
  expect(saved.secondFeatures).toEqual({ name: vgg.name, bytes: vgg.size });
  const folder = (await RunFolder.open('run-1'))!;
  const secondFeatures = openPaperFiles(request.paper!, config).secondFeatures!;
  const kept = await keepSources(
    request,
    { teacher, student: null, data: {} as never, secondFeatures },
    folder,
    () => () => {},
  );
  expect(kept.secondFeatures).toBe(true);
  expect(missingSources(record(kept))).toBeNull();
  const again = await reopenSources(record(kept), folder, resume([]), services, () => () => {});
  const names = [...again.secondFeatures!.names()];
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => /classifier|num_batches/.test(name))).toEqual([]);
  for (const name of names) expect(again.secondFeatures!.read(name)).toEqual(secondFeatures.read(name));
});

test('where there was no room the file is asked for again, beside other files', async () => {
  const folder = (await RunFolder.open('run-1'))!;
  const without = record({ teacher: false, student: false, data: false, secondFeatures: false });
  expect(missingSources(without)).toBe('the feature network vgg16-bn.legacy.pth');
  const go = (chosen: File[]) => reopenSources(without, folder, resume(chosen), services, () => () => {});
  await expect(go([deit])).rejects.toMatchObject({ code: 'not-found' });
  const again = await go([deit, vgg]);
  expect([...again.secondFeatures!.names()]).toEqual([
    ...openFeatureFile(blobSource(vgg, vgg.name)).weights.names(),
  ]);
});
