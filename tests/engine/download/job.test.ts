import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { runDownload } from '../../../src/engine/download/job';
import { type ExportTensor, exportWhole } from '../../../src/engine/models/export';
import { openModel } from '../../../src/engine/models/open-model';
import { writeSafetensors } from '../../../src/formats/safetensors';
import { bufferSource } from '../../../src/formats/source';
import type { DownloadProgress, Wanted } from '../../../src/protocol/downloads';
import { DeviceModels } from '../../../src/storage/device-models';
import { DeviceParts } from '../../../src/storage/device-parts';
import { createHasher } from '../../../src/storage/download/sha256';
import { KeptFiles } from '../../../src/storage/kept-files';
import { Device, FakeHost, type Turn } from '../../support/fake-host';
import { FIXTURES } from '../../support/fixtures';
import { MemoryFiles } from '../../support/memory-files';

const PICKLE = readFileSync(join(FIXTURES, 'mini/mini-ncsnpp-16-cond.pkl'));
const { unet } = openModel(bufferSource(PICKLE, 'mini.pkl')).config;

const wanted: Wanted = {
  id: 'mini',
  title: 'Mini',
  address: 'https://huggingface.co/a/b/resolve/main/mini.pkl',
  name: 'mini.pkl',
  bytes: null,
  sha256: null,
  network: { resolution: 16, channels: unet.inChannels, labelDim: unet.labelDim, sigma: 2.5, precond: null },
};
const pasted: Wanted = { ...wanted, id: 'address:0011', network: null };

let files: MemoryFiles;
let places: { parts: DeviceParts; models: DeviceModels; kept: KeptFiles };
beforeEach(() => {
  files = new MemoryFiles();
  files.install();
  places = { parts: new DeviceParts(), models: new DeviceModels(), kept: new KeptFiles() };
});

function run(turns: Turn[] = [], what = wanted, signal = new AbortController().signal) {
  const progress: DownloadProgress[] = [];
  const host = new FakeHost(PICKLE, turns);
  const hooks = { signal, onProgress: (p: DownloadProgress) => void progress.push(p) };
  const result = runDownload(what, hooks, { ...places, platform: new Device().platform(host) });
  return { result, progress, host };
}

it('a public model comes, is converted, and nothing of the download is left', async () => {
  const { result, progress } = run();
  expect(await result).toMatchObject({ key: 'mini' });
  expect(progress.map(({ phase }) => phase)).toContain('converting');
  expect(await places.parts.list()).toEqual([]);
  const { models } = await places.models.list();
  expect(models).toMatchObject([{ id: 'mini', source: { name: 'mini.pkl', bytes: PICKLE.byteLength } }]);
  const found = (await places.models.find('mini'))!;
  const bytes = new Uint8Array(await found.file.arrayBuffer());
  const model = openModel(bufferSource(bytes, 'mini'));
  expect(model).toMatchObject({ sigma: 2.5, half: true });
  expect(model.config.unet).toEqual(unet);
  expect(bytes.byteLength).toBeLessThan(0.6 * PICKLE.byteLength);
});

it('a pasted address joins the files that this browser keeps, beside one of the same name', async () => {
  expect(await run([], pasted).result).toMatchObject({ key: 'file:mini.safetensors' });
  expect(await run([], { ...pasted, id: 'address:0022' }).result).toMatchObject({
    key: 'file:mini (2).safetensors',
  });
  const { files: kept } = await places.kept.list();
  expect(kept.map(({ about }) => about.name)).toEqual(['mini.safetensors', 'mini (2).safetensors']);
  expect(await places.parts.list()).toEqual([]);
});

/** Two networks in one file, neither the average of the other; it names no preconditioning. */
function twoNetworks(): Uint8Array {
  const model = openModel(bufferSource(PICKLE, 'mini.pkl'));
  const tensors = [...exportWhole(model.config, model.weights, 'f32')];
  const named = ['student', 'teacher'].flatMap((net) =>
    tensors.map(([name, tensor]): [string, ExportTensor] => [name.replace(/^model/, net), tensor]),
  );
  return Buffer.concat([...writeSafetensors({ tensors: new Map(named), metadata: new Map() })]);
}

it('a pasted file of several networks stays and asks; the choice opens it without its host', async () => {
  const two = { ...pasted, name: 'two.safetensors' };
  await expect(run([{ bytes: twoNetworks() }], two).result).rejects.toMatchObject({
    detail: { choose: { what: 'entry', from: ['student', 'teacher'] } },
  });
  const [part] = await places.parts.list();
  expect(part!.record).toMatchObject({ done: part!.bytes, bytes: part!.bytes });
  const wrong = run([], { ...two, choice: { entry: 'nobody' } });
  await expect(wrong.result).rejects.toMatchObject({ detail: { choose: { what: 'entry' } } });
  const chosen = run([], { ...two, choice: { entry: 'teacher' } });
  expect(await chosen.result).toMatchObject({ key: 'file:two.safetensors' });
  expect([...wrong.host.asked, ...chosen.host.asked]).toEqual([]);
  expect(await places.parts.list()).toEqual([]);
  // The other network is gone with the download: that is said wherever the file is opened, as is what was assumed.
  const { notes } = await keptModel();
  expect(notes.join('; ')).toMatch(/teacher of two\.safetensors, which held other networks too/);
  expect(notes.join('; ')).toMatch(/downloaded from https:.*, SHA-256 [0-9a-f]{64}/);
  expect(notes.join('; ')).toMatch(/does not name its preconditioning: EDMPrecond assumed/);
});

it('a choice is not remembered: what was begun with one asks again', async () => {
  const two = { ...pasted, name: 'two.safetensors', choice: { entry: 'nobody' } };
  await expect(run([{ bytes: twoNetworks() }], two).result).rejects.toMatchObject({ code: 'bad-argument' });
  const [part] = await places.parts.list();
  expect(JSON.parse(part!.wanted)).toEqual({ ...pasted, name: 'two.safetensors' });
});

it('a pasted student that is a difference is kept as it is', async () => {
  const delta = readFileSync(join(FIXTURES, '../../public/models/fashion-mnist-32x32-gdd-i.safetensors'));
  const { result } = run([{ bytes: delta }], { ...pasted, name: 'student.safetensors' });
  expect(await result).toMatchObject({ key: 'file:student.safetensors' });
  expect(Buffer.compare(await keptBytes(), delta)).toBe(0);
  expect(await places.parts.list()).toEqual([]);
});

it.each([
  ['network.pkl', 80, 'unsaid'],
  ['network-snapshot-1.200000-403968.pkl', 2.5, 'name'],
])('where %s starts is a guess, and stays one in the file that is kept', async (name, sigma, sigmaFrom) => {
  await run([], { ...pasted, name }).result;
  const model = await keptModel();
  expect(model).toMatchObject({ sigma, sigmaFrom });
  if (sigmaFrom === 'name')
    expect(model.notes.join('; ')).toMatch(/sigma 2\.5, guessed from the name network-snapshot-/);
});

async function keptBytes(): Promise<Buffer> {
  const [kept] = (await places.kept.list()).files;
  return Buffer.from(await kept!.file.arrayBuffer());
}
const keptModel = async () => openModel(bufferSource(await keptBytes(), 'renamed.safetensors'));

it('another network than the catalogue describes is refused and deleted', async () => {
  const other = { ...wanted, network: { ...wanted.network!, resolution: 64 } };
  await expect(run([], other).result).rejects.toMatchObject({
    code: 'mismatch',
    detail: { expected: expect.stringContaining('64 x 64'), found: expect.stringContaining('16 x 16') },
  });
  expect(await places.parts.list()).toEqual([]);
  expect((await places.models.list()).models).toEqual([]);
});

it('what is broken off stays, says what it is, and goes on', async () => {
  const abort = new AbortController();
  const { result } = run([{ stall: 300_000 }], wanted, abort.signal);
  await vi.waitFor(async () => expect((await places.parts.list())[0]?.bytes).toBe(300_000));
  abort.abort();
  await expect(result).rejects.toMatchObject({ code: 'cancelled' });
  const [part] = await places.parts.list();
  expect(part).toMatchObject({ bytes: 300_000, record: { done: 300_000, bytes: PICKLE.byteLength } });
  expect(JSON.parse(part!.wanted)).toEqual(wanted);
  const { result: second, host } = run();
  await second;
  expect(host.asked[0]!.from).toBe(300_000 - 65_536);
});

it('nothing is left of a download that never began', async () => {
  await expect(run([{ status: 404 }]).result).rejects.toMatchObject({ reason: 'missing' });
  expect(await places.parts.list()).toEqual([]);
});

it('a download that is whole is not asked for again where its conversion was broken off', async () => {
  files.failing = (path, what) =>
    what === 'write' && path.endsWith('about.json')
      ? new DOMException('no room', 'QuotaExceededError')
      : null;
  await expect(run().result).rejects.toMatchObject({ reason: 'full' });
  files.failing = () => null;
  expect((await places.models.list()).models).toEqual([]);
  const { result, host } = run();
  await result;
  expect(host.asked).toEqual([]);
});

it('too little room: said before a byte is written, with what could be deleted', async () => {
  await run().result;
  Object.assign(navigator.storage, { estimate: async () => ({ quota: 1000, usage: 400 }) });
  await expect(run([], { ...wanted, id: 'second' }).result).rejects.toMatchObject({
    reason: 'full',
    detail: { found: '0 MB free', hint: expect.stringContaining('mini') },
  });
});

const LARGE = {
  id: 'large',
  address: pasted.address,
  source: { name: 'x', bytes: 1, sha256: '0'.repeat(64) },
};
const largeFile = async () => {
  const folder = await (await files.root.getDirectoryHandle('models')).getDirectoryHandle('large');
  return folder.getFileHandle('model.safetensors');
};
/** Longer than what is compared at every opening. */
const put = async () =>
  places.models.put(LARGE, await createHasher(), async (sink) => sink.write(new Uint8Array(1_500_000)));

it('a model is read whole where its date is another, once, or when that is asked for', async () => {
  await put();
  const handle = await largeFile();
  let read = 0;
  const onPiece = () => void read++;
  await places.models.find('large', { onPiece });
  expect(read).toBe(0);
  handle.modified++;
  await places.models.find('large', { onPiece });
  await places.models.find('large', { onPiece });
  expect(read).toBe(1);
  await places.models.find('large', { whole: true, onPiece });
  expect(read).toBe(2);
  // Of the same length and beginning: only all of it can tell.
  handle.bytes[1_400_000]! ^= 1;
  await expect(places.models.find('large', { whole: true })).rejects.toMatchObject({ code: 'bad-file' });
  handle.modified++;
  await expect(places.models.find('large')).rejects.toMatchObject({ code: 'bad-file' });
});

it('a disk that gives back other bytes than were written keeps no model', async () => {
  files.gives = (path, bytes) => (path.endsWith('model.safetensors') ? bytes.map((b) => b ^ 1) : bytes);
  await expect(put()).rejects.toMatchObject({ code: 'io', message: expect.stringContaining('gives back') });
  files.gives = (_path, bytes) => bytes;
  expect(await places.models.find('large')).toBeNull();
});

it('a model that was cut off, or whose file is another, is refused', async () => {
  await run().result;
  const folder = await (await files.root.getDirectoryHandle('models')).getDirectoryHandle('mini');
  const handle = await folder.getFileHandle('model.safetensors');
  const whole = handle.bytes.slice();
  handle.bytes = whole.slice();
  handle.bytes[100]! ^= 1;
  await expect(places.models.find('mini')).rejects.toMatchObject({ code: 'bad-file' });
  handle.bytes = whole.slice(0, -1);
  await expect(places.models.find('mini')).rejects.toMatchObject({ code: 'bad-file' });
  expect(await places.models.list()).toMatchObject({
    models: [],
    problems: [expect.stringContaining('mini')],
  });
  await places.models.remove('mini');
  expect(await places.models.find('mini')).toBeNull();
});
