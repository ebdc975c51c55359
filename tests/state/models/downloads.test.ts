import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { hostsOf } from '../../../src/lib/hosts';
import { type DownloadClient, FailedDownload } from '../../../src/protocol/download-client';
import type { DownloadProgress, DownloadResult, OnDevice, Wanted } from '../../../src/protocol/downloads';
import { createStores, type Stores } from '../../../src/state/app-state';
import { defaultView } from '../../../src/state/generate/view';
import { LongSteps, stepShare } from '../../../src/state/long-steps';
import { createDownloads, type Downloads, type DownloadsOptions } from '../../../src/state/models/downloads';
import { isByHand } from '../../../src/state/models/rows';
import { wantedAddress } from '../../../src/state/models/wanted';
import { parseCatalogue } from '../../../src/storage/catalogue';

const CATALOGUE = parseCatalogue(
  readFileSync(join(import.meta.dirname, '../../../public/models/index.json'), 'utf8'),
);
const HOSTS = hostsOf(undefined);
const MODEL = CATALOGUE.models.find((m) => m.kind === 'official' && m.method === 'sida')!;

/** A download worker whose calls a test settles. */
class FakeWorker implements DownloadClient {
  device: OnDevice = { here: [], parts: [], problems: [] };
  calls: {
    wanted: Wanted;
    signal: AbortSignal;
    onProgress: (progress: DownloadProgress) => void;
    resolve: (result: DownloadResult) => void;
    reject: (error: unknown) => void;
  }[] = [];
  removed: string[] = [];

  list = async () => this.device;
  check: DownloadClient['check'] = async (id, { signal, onProgress }) => {
    onProgress({ phase: 'checking', done: 1, total: 2, rate: null, left: null });
    if (id === 'endless')
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled'))),
      );
    if (id === 'damaged') throw new InnateError('bad-file', 'the downloaded model is damaged', { where: id });
    return { sha256: 'a', source: { name: 'x.pkl', bytes: 1, sha256: 'b' } };
  };
  remove = async (id: string) => {
    this.removed.push(id);
    this.device = { ...this.device, here: [], parts: [] };
  };
  download: DownloadClient['download'] = (wanted, options) =>
    new Promise((resolve, reject) => this.calls.push({ wanted, ...options, resolve, reject }));
}

let worker: FakeWorker;
let stores: Stores;
let downloads: Downloads;
const shown: string[] = [];
const channel = () => ({ sent: [] as unknown[], onmessage: null as ((event: MessageEvent) => void) | null });
let tabs: ReturnType<typeof channel>;

const OPTIONS = (): DownloadsOptions => ({
  client: worker,
  stores,
  steps: new LongSteps(stores.steps, () => 0),
  hosts: HOSTS,
  free: async () => 3e9,
  channel: Object.assign(tabs, { postMessage: (message: unknown) => void tabs.sent.push(message) }),
  show: (key) => void shown.push(key),
  openKept: async () => {},
  forget: async () => {},
});

beforeEach(() => {
  worker = new FakeWorker();
  stores = createStores({ ...defaultView(24), tab: 'models' }, null);
  stores.catalogue.setState({ catalogue: CATALOGUE });
  shown.length = 0;
  tabs = channel();
  downloads = createDownloads(OPTIONS());
});
afterEach(() => vi.useRealTimers());

const consent = () => stores.downloads.getState().consent;
const row = (id = MODEL.id) => stores.rows.getState().rows[id];

async function begin(): Promise<FakeWorker['calls'][number]> {
  downloads.download(MODEL.id);
  await vi.waitFor(() => expect(consent()).not.toBeNull());
  downloads.agree();
  return worker.calls.at(-1)!;
}

it('nothing is asked of a host before the person agrees, and the dialog knows what can be known', async () => {
  downloads.download(MODEL.id);
  await vi.waitFor(() => expect(consent()).not.toBeNull());
  expect(consent()).toMatchObject({
    host: 'huggingface.co',
    free: 3e9,
    kept: 2 * MODEL.parameters,
    size: { estimated: true },
    licence: MODEL.licence,
  });
  expect(worker.calls).toEqual([]);
  downloads.decline();
  expect(consent()).toBeNull();
  expect(worker.calls).toEqual([]);
});

it('agreed: what is wanted is what the catalogue says', async () => {
  const { wanted } = await begin();
  expect(wanted).toMatchObject({
    id: MODEL.id,
    address: MODEL.files[0]!.url,
    network: { resolution: MODEL.resolution, sigma: MODEL.sigma },
  });
  expect(consent()).toBeNull();
  expect(row()).toMatchObject({ kind: 'downloading', phase: 'connecting' });
});

it('what has come is here, is said, and is shown to a person who waits for it', async () => {
  const call = await begin();
  call.onProgress({ phase: 'receiving', done: 5e6, total: 2e8, rate: 1e6, left: 195 });
  expect(row()).toMatchObject({ kind: 'downloading', done: 5e6, rate: 1e6, left: 195 });
  worker.device = { here: [{ id: MODEL.id, bytes: 1e8 }], parts: [], problems: [] };
  call.resolve({ key: MODEL.id, notes: ['The file has changed: it started anew.', 'a note of the network'] });
  await vi.waitFor(() => expect(shown).toEqual([MODEL.id]));
  expect(row()).toEqual({ kind: 'here', bytes: 1e8 });
  expect(stores.downloads.getState().news).toEqual([
    {
      id: MODEL.id,
      failed: false,
      address: null,
      use: MODEL.id,
      text: `${MODEL.name} is on this device. The file has changed: it started anew.`,
    },
  ]);
});

it('it stands in the list of what takes long, and is cancelled from there', async () => {
  const call = await begin();
  call.onProgress({ phase: 'converting', done: 1e6, total: 4e6, rate: null, left: null });
  const [step] = stores.steps.getState().steps;
  expect(step).toMatchObject({
    kind: 'downloading',
    subject: MODEL.name,
    place: { tab: 'models', measured: null },
  });
  expect(step!.progress).toMatchObject({ what: 'converting to float16', done: 1e6, total: 4e6, left: null });
  step!.stop.perform();
  expect(call.signal.aborted).toBe(true);
  call.reject(new InnateError('cancelled', 'cancelled'));
  await vi.waitFor(() => expect(stores.steps.getState().steps).toEqual([]));
  expect(stores.downloads.getState().news).toEqual([]);
});

it('the last that came is shown, however soon after the one before and however silent the host is then', async () => {
  vi.useFakeTimers();
  const call = await begin();
  for (const done of [4e3, 9e4, 2e5])
    call.onProgress({ phase: 'receiving', done, total: 2e8, rate: 1e6, left: 195 });
  expect(row()).toMatchObject({ done: 4e3 });
  await vi.advanceTimersByTimeAsync(1000);
  expect(row()).toMatchObject({ done: 2e5 });
});

it('a file that leaves open how it is meant asks, and the answers go with the download', async () => {
  await downloads.paste('https://huggingface.co/a/b/resolve/main/two.pkl');
  downloads.agree();
  const first = worker.calls.at(-1)!;
  const asks = (choose: { what: 'entry' | 'precond'; from: string[] }) =>
    new FailedDownload({
      ...{ code: 'bad-argument', message: 'the file leaves it open', detail: { choose } },
      ...{ reason: null, address: null },
    });
  const news = () => stores.downloads.getState().news[0];
  worker.device = {
    here: [],
    parts: [{ wanted: first.wanted, done: 9, total: 9, busy: false }],
    problems: [],
  };
  first.reject(asks({ what: 'entry', from: ['a', 'b'] }));
  await vi.waitFor(() => expect(news()).toMatchObject({ address: null, choose: { from: ['a', 'b'] } }));
  downloads.choose(first.wanted.id, 'b');
  const second = worker.calls.at(-1)!;
  expect(second.wanted).toEqual({ ...first.wanted, choice: { entry: 'b' } });
  second.reject(asks({ what: 'precond', from: ['EDMPrecond'] }));
  await vi.waitFor(() => expect(news()).toMatchObject({ choose: { from: ['EDMPrecond'] } }));
  downloads.choose(first.wanted.id, 'EDMPrecond');
  expect(worker.calls.at(-1)!.wanted.choice).toEqual({ entry: 'b', precond: 'EDMPrecond' });
  // Resumed, it asks anew.
  worker.calls.at(-1)!.reject(asks({ what: 'entry', from: ['a', 'b'] }));
  await vi.waitFor(() => expect(news()).toMatchObject({ choose: { what: 'entry' } }));
  downloads.resume(first.wanted.id);
  expect(worker.calls.at(-1)!.wanted.choice).toBeUndefined();
});

it('a file that has come and cannot be opened yet is not shown', async () => {
  await downloads.paste('https://huggingface.co/a/b/resolve/main/student.safetensors');
  downloads.agree();
  const key = 'file:student.safetensors';
  stores.engine.setState({ closed: [{ key, name: 'student.safetensors', bytes: 1, why: 'no teacher' }] });
  worker.calls.at(-1)!.resolve({ key, notes: [] });
  await vi.waitFor(() => expect(stores.downloads.getState().news).toMatchObject([{ use: null }]));
  expect(shown).toEqual([]);
});

it('a model is checked when that is asked for; what is damaged is said', async () => {
  const shares: (number | null)[] = [];
  stores.steps.subscribe(({ steps }) => steps[0]?.progress && shares.push(stepShare(steps[0])));
  expect(await downloads.check(MODEL.id, MODEL.name)).toMatchObject({
    sha256: 'a',
  });
  expect(shares).toEqual([0.5]);
  expect(await downloads.check('damaged', 'Damaged')).toBeNull();
  expect(stores.downloads.getState().news).toMatchObject([{ id: 'damaged', failed: true, address: null }]);
});

it('a check stands among what takes long, and can be ended there', async () => {
  const checked = downloads.check('endless', 'Endless');
  const steps = () => stores.steps.getState().steps;
  expect(steps()).toMatchObject([{ kind: 'checking', subject: 'Endless', progress: { done: 1, total: 2 } }]);
  steps()[0]!.stop.perform();
  expect(await checked).toBeNull();
  expect(steps()).toEqual([]);
  expect(stores.downloads.getState().news).toEqual([]);
});

it('what no host of this page hands out is for a person to get, unless it is here already', () => {
  const none = { kind: 'not-here' } as const;
  const official = CATALOGUE.models.filter((m) => m.kind === 'official');
  const fromNvidia = official.find((m) => m.files[0]!.url!.includes('nvlabs-fi-cdn'))!;
  const narrow = createDownloads({ ...OPTIONS(), hosts: ['https://huggingface.co'] });
  expect(isByHand(MODEL, none, narrow)).toBe(false);
  expect(isByHand(fromNvidia, none, narrow)).toBe(true);
  expect(isByHand(fromNvidia, none, downloads)).toBe(false);
  // A page that asks no host for anything.
  expect(isByHand(MODEL, none, null)).toBe(true);
  expect(isByHand(MODEL, { kind: 'here', bytes: 1, fetched: true }, null)).toBe(false);
});

it.each([
  ['still at the same model in Generate', {}, true],
  ['at another model by then', { model: 'another' }, false],
  ['at rows of Compare, which follow by themselves', { compare: true }, false],
  ['in Models by then', { tab: 'models' }, true],
] as const)('what was asked for in Generate is shown to a person who is %s: %o', async (_, later, seen) => {
  stores.view.setState({ tab: 'generate' });
  const call = await begin();
  stores.view.setState(later);
  worker.device = { here: [{ id: MODEL.id, bytes: 1e8 }], parts: [], problems: [] };
  call.resolve({ key: MODEL.id, notes: [] });
  await vi.waitFor(() => expect(row()).toEqual({ kind: 'here', bytes: 1e8 }));
  await vi.waitFor(() => expect(stores.downloads.getState().news).toHaveLength(1));
  expect(shown).toEqual(seen ? [MODEL.id] : []);
});

it('of two lists that overlap, the older one does not bring back what was deleted', async () => {
  const part = { wanted: (await begin()).wanted, done: 7e6, total: 2e8, busy: false };
  worker.calls[0]!.reject(new InnateError('cancelled', 'cancelled'));
  await vi.waitFor(() => expect(row()).toBeUndefined());
  let late: (device: OnDevice) => void = () => {};
  worker.list = () => new Promise((resolve) => (late = resolve));
  const older = downloads.list();
  const old = late;
  const newer = downloads.list();
  late({ here: [], parts: [], problems: [] });
  await newer;
  old({ here: [], parts: [part], problems: [] });
  await older;
  expect(row()).toBeUndefined();
});

it('a person who went elsewhere stays there', async () => {
  const call = await begin();
  stores.view.setState({ tab: 'layers' });
  worker.device = { here: [{ id: MODEL.id, bytes: 1e8 }], parts: [], problems: [] };
  call.resolve({ key: MODEL.id, notes: [] });
  await vi.waitFor(() => expect(row()).toEqual({ kind: 'here', bytes: 1e8 }));
  expect(shown).toEqual([]);
});

it('what failed is said with the address; what came is there to be resumed, without another dialog', async () => {
  const call = await begin();
  worker.device = {
    here: [],
    parts: [{ wanted: call.wanted, done: 7e6, total: 2e8, busy: false }],
    problems: [],
  };
  call.reject(
    new FailedDownload({
      code: 'io',
      message: 'the connection broke again and again',
      detail: {},
      reason: 'broken',
      address: call.wanted.address,
    }),
  );
  await vi.waitFor(() => expect(row()).toEqual({ kind: 'broken', done: 7e6, total: 2e8 }));
  expect(stores.downloads.getState().news).toMatchObject([
    { failed: true, text: 'The connection broke again and again.', address: call.wanted.address },
  ]);
  downloads.resume(MODEL.id);
  expect(worker.calls).toHaveLength(2);
  expect(stores.downloads.getState().news).toEqual([]);
  expect(row()).toMatchObject({ kind: 'downloading', done: 7e6 });
});

it('cancelled: nothing is said to have failed', async () => {
  const call = await begin();
  downloads.cancel(MODEL.id);
  expect(call.signal.aborted).toBe(true);
  call.reject(
    new FailedDownload({
      code: 'cancelled',
      message: 'cancelled',
      detail: {},
      reason: 'cancelled',
      address: null,
    }),
  );
  await vi.waitFor(() => expect(row()).toBeUndefined());
  expect(stores.downloads.getState().news).toEqual([]);
});

it('pressed twice, it runs once', async () => {
  await begin();
  downloads.resume(MODEL.id);
  expect(worker.calls).toHaveLength(1);
});

it('what another tab is at is seen, can be cancelled from here, and is looked for when that tab is gone', async () => {
  vi.useFakeTimers();
  const { wanted } = await begin();
  const elsewhere = createElsewhere(wanted);
  worker.device = elsewhere(true);
  const other: Wanted = { ...wanted, id: 'other' };
  worker.device.parts[0]!.wanted = other;
  await downloads.list();
  expect(row('other')).toMatchObject({ kind: 'downloading', elsewhere: true });
  downloads.cancel('other');
  expect(tabs.sent).toContainEqual({ type: 'cancel', id: 'other' });
  worker.device = { ...worker.device, parts: [{ ...worker.device.parts[0]!, busy: false }] };
  await vi.advanceTimersByTimeAsync(3000);
  expect(row('other')).toMatchObject({ kind: 'broken' });
});

const createElsewhere =
  (wanted: Wanted) =>
  (busy: boolean): OnDevice => ({
    here: [],
    parts: [{ wanted, done: 1, total: 10, busy }],
    problems: [],
  });

it('another tab cancels what runs here, and hears how it goes', async () => {
  const call = await begin();
  expect(tabs.sent).toContainEqual(
    expect.objectContaining({ type: 'row', state: expect.objectContaining({ elsewhere: true }) }),
  );
  tabs.onmessage!({ data: { type: 'cancel', id: MODEL.id } } as MessageEvent);
  expect(call.signal.aborted).toBe(true);
});

it('what earlier visits left is listed, deleted and said', async () => {
  const wanted = (await wantedAddress('https://huggingface.co/a/b/blob/main/net.pkl', HOSTS)) as Wanted;
  worker.device = {
    here: [{ id: MODEL.id, bytes: 1e8 }],
    parts: [{ wanted, done: 1, total: null, busy: false }],
    problems: ['The file of x is damaged.'],
  };
  await downloads.list();
  expect(row()).toEqual({ kind: 'here', bytes: 1e8 });
  expect(stores.downloads.getState().pasted).toEqual([wanted]);
  expect(stores.downloads.getState().news).toMatchObject([{ text: 'The file of x is damaged.' }]);
  downloads.remove(wanted.id);
  await vi.waitFor(() => expect(stores.downloads.getState().pasted).toEqual([]));
  expect(worker.removed).toEqual([wanted.id]);
});

it('addresses: a page of Hugging Face becomes its file; others are refused in a sentence', async () => {
  expect(
    await wantedAddress(' https://huggingface.co/a/b/blob/main/c/net%20x.pt?download=true ', HOSTS),
  ).toMatchObject({
    address: 'https://huggingface.co/a/b/resolve/main/c/net%20x.pt',
    name: 'net x.pt',
    id: expect.stringMatching(/^address:[0-9a-f]{16}$/),
  });
  for (const text of ['', 'net.pkl', 'https://example.org/net.pkl', 'https://huggingface.co/a/b'])
    expect(typeof (await wantedAddress(text, HOSTS)), text).toBe('string');
  expect(await downloads.paste('https://example.org/net.pkl')).toContain('huggingface.co');
  expect(consent()).toBeNull();
});
