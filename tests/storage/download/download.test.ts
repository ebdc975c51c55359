import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { type DownloadState, OVERLAP } from '../../../src/storage/download/download';
import type { DownloadError } from '../../../src/storage/download/errors';
import { Device, FakeHost, type Turn } from '../../support/fake-host';

const SIZE = 300_000;
const pattern = (seed: number, size = SIZE): Buffer =>
  Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * 101 + (i >> 8)) & 255));
const FILE = pattern(1);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const failure = (promise: Promise<unknown>): Promise<DownloadError> =>
  promise.then(
    () => {
      throw new Error('it should have failed');
    },
    (error) => error as DownloadError,
  );

const CHANGED = [expect.stringContaining('has changed')];
const REFUSED = [expect.stringContaining('does not continue')];

describe('a download that nothing disturbs', () => {
  it('brings every byte, its checksum, and a record that says so', async () => {
    const device = new Device();
    const host = new FakeHost(FILE);
    expect(await device.download(host)).toEqual({ bytes: SIZE, sha256: sha256(FILE), notes: [] });
    expect(FILE.equals(device.file.bytes)).toBe(true);
    expect(JSON.parse(device.text!)).toMatchObject({ done: SIZE, bytes: SIZE, sha256: sha256(FILE) });
    expect(device.file.flushed).toBeGreaterThan(0);
  });

  it('asks once, without credentials or a referrer, and for no part', async () => {
    const host = new FakeHost(FILE);
    await new Device().download(host);
    expect(host.asked).toHaveLength(1);
    expect(host.asked[0]).toMatchObject({
      from: null,
      init: { credentials: 'omit', referrerPolicy: 'no-referrer', mode: 'cors' },
    });
  });

  it('a file that is there whole is not asked for again', async () => {
    const device = new Device();
    await device.download(new FakeHost(FILE));
    const host = new FakeHost(FILE);
    expect(await device.download(host, { sha256: sha256(FILE) })).toMatchObject({ bytes: SIZE });
    expect(host.asked).toEqual([]);
  });

  it('a host that states no length', async () => {
    const host = new FakeHost(FILE, [{ headers: { 'content-length': '' } }]);
    expect(await new Device().download(host)).toMatchObject({ bytes: SIZE, sha256: sha256(FILE) });
  });

  it('a compressed answer is longer than it says', async () => {
    const host = new FakeHost(FILE, [{ headers: { 'content-length': '1000' } }]);
    expect(await new Device().download(host)).toMatchObject({ bytes: SIZE, sha256: sha256(FILE) });
  });
});

describe('a connection that breaks', () => {
  it.each([0, 1, 9_999, 65_535, 65_537, 150_000, SIZE - 1])(
    'after %i bytes goes on by itself',
    async (cut) => {
      const device = new Device();
      const host = new FakeHost(FILE, [{ cut }, {}]);
      expect(await device.download(host)).toEqual({ bytes: SIZE, sha256: sha256(FILE), notes: [] });
      expect(FILE.equals(device.file.bytes)).toBe(true);
      const from = Math.max(0, cut - OVERLAP);
      expect(host.asked[1]!.from).toBe(from === 0 ? null : from);
      expect(device.waits).toEqual([1000]);
    },
  );

  it('an answer that ends early without an error is a broken one', async () => {
    const host = new FakeHost(FILE, [{ body: 'x'.repeat(100), headers: { 'content-length': '300000' } }, {}]);
    host.bytes = new Uint8Array([...new TextEncoder().encode('x'.repeat(100)), ...FILE.subarray(100)]);
    expect(await new Device().download(host)).toMatchObject({ bytes: SIZE, sha256: sha256(host.bytes) });
  });

  it('waits longer each time that nothing came, gives up, and keeps what there is', async () => {
    const device = new Device();
    const error = await failure(
      device.download(new FakeHost(FILE, [{ cut: 100_000 }, { unreachable: true }])),
    );
    expect(error).toMatchObject({ reason: 'broken', address: expect.stringContaining('https://') });
    expect(device.waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000]);
    expect(JSON.parse(device.text!).done).toBe(100_000);
    expect(await device.download(new FakeHost(FILE))).toEqual({
      bytes: SIZE,
      sha256: sha256(FILE),
      notes: [],
    });
  });

  it('says so where the machine has no connection', async () => {
    const device = new Device();
    device.connected = false;
    expect(await failure(device.download(new FakeHost(FILE, [{ unreachable: true }])))).toMatchObject({
      reason: 'offline',
    });
  });

  it('that brings bytes each time never gives up', async () => {
    const device = new Device();
    const turns: Turn[] = [{ cut: 70_000 }];
    for (let i = 0; i < 20; i++) turns.push({ cut: OVERLAP + 10_000 });
    expect(await device.download(new FakeHost(FILE, [...turns, {}]))).toMatchObject({ bytes: SIZE });
    expect(new Set(device.waits)).toEqual(new Set([1000]));
  });

  it('is one that brings nothing for half a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const device = new Device();
      const host = new FakeHost(FILE, [{ stall: 120_000 }, {}]);
      let running: ReturnType<Device['download']> | null = null;
      await new Promise<void>((silent) => {
        const onState = (state: DownloadState) => {
          if (state.phase === 'receiving' && state.done === 120_000) silent();
        };
        running = device.download(host, { onState });
      });
      await vi.advanceTimersByTimeAsync(1500); // what came is safe by then: the tab may be closed
      expect(JSON.parse(device.text!).done).toBe(120_000);
      await vi.advanceTimersByTimeAsync(27_500);
      expect(device.waits).toEqual([]);
      await vi.advanceTimersByTimeAsync(2000);
      expect(await running).toMatchObject({ sha256: sha256(FILE), notes: [] });
      expect(device.waits).toEqual([1000]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('a host that is busy is asked again when it says', async () => {
    const device = new Device();
    const busy = { status: 503, headers: { 'retry-after': '7' } };
    expect(await device.download(new FakeHost(FILE, [busy, {}]))).toMatchObject({ bytes: SIZE });
    expect(device.waits).toEqual([7000]);
    expect(
      await failure(device.download(new FakeHost(FILE, [{ status: 500 }]), { sha256: 'f'.repeat(64) })),
    ).toMatchObject({ reason: 'wrong-content' }); // it was there, and is not what is expected
    const never = await failure(new Device().download(new FakeHost(FILE, [{ status: 500 }])));
    expect(never).toMatchObject({ reason: 'busy', detail: { found: 'HTTP 500' } });
  });
});

/** A device on which a download was broken off after so many bytes, as by a reload. */
async function interrupted(done: number, host = new FakeHost(FILE)): Promise<Device> {
  const device = new Device();
  const abort = new AbortController();
  const onState = ({ done: now }: { done: number }) => now >= done && abort.abort();
  await failure(device.download(host, { signal: abort.signal, onState }));
  device.clock += 60_000;
  return device;
}

describe('resumed by a later visit', () => {
  it('goes on where it was, comparing what it has', async () => {
    const device = await interrupted(200_000);
    expect(JSON.parse(device.text!)).toMatchObject({ done: 200_000, etag: '"one"', bytes: SIZE });
    const host = new FakeHost(FILE);
    expect(await device.download(host)).toEqual({ bytes: SIZE, sha256: sha256(FILE), notes: [] });
    expect(host.asked.map(({ from }) => from)).toEqual([200_000 - OVERLAP]);
    expect(device.states[0]).toMatchObject({ phase: 'checking', done: 200_000 });
    expect(FILE.equals(device.file.bytes)).toBe(true);
  });

  it('bytes beyond the record, of which a crash may have made anything, are not believed', async () => {
    const device = await interrupted(200_000);
    device.file.write(200_000, pattern(9, 5000));
    expect(await device.download(new FakeHost(FILE))).toMatchObject({ sha256: sha256(FILE), notes: [] });
  });

  it.each([
    ['no record', null],
    ['a torn record', '{"version":1,"addr'],
    ['a record of more than there is', JSON.stringify({ version: 1, done: 1e6 })],
  ])('%s: from the beginning', async (_, text) => {
    const device = await interrupted(200_000);
    device.text = text;
    const host = new FakeHost(FILE);
    expect(await device.download(host)).toMatchObject({ sha256: sha256(FILE) });
    expect(host.asked[0]!.from).toBeNull();
  });

  it('of another address: from the beginning', async () => {
    const device = await interrupted(200_000);
    const host = new FakeHost(FILE);
    await device.download(host, { address: 'https://huggingface.co/another' });
    expect(host.asked[0]!.from).toBeNull();
  });

  const other = pattern(2);
  it.each<[string, Turn, unknown]>([
    ['another ETag', { bytes: other, headers: { etag: '"two"' } }, CHANGED],
    ['another date', { bytes: other, headers: { 'last-modified': 'Tue' } }, CHANGED],
    ['another length', { bytes: pattern(2, SIZE + 7) }, CHANGED],
    ['a file that is shorter than what is here', { bytes: pattern(2, 100_000) }, CHANGED],
    ['other bytes, though the host says nothing of it', { bytes: other }, CHANGED],
    ['a host that sends the whole file again', { ignoresRange: true }, REFUSED],
    ['a host that refuses the question for a part', { noPart: true }, REFUSED],
  ])('%s: it starts anew and says so', async (_, turn, notes) => {
    const device = await interrupted(200_000);
    const host = new FakeHost(FILE, [turn]);
    expect(await device.download(host)).toEqual({
      bytes: host.bytes.byteLength,
      sha256: sha256(host.bytes),
      notes,
    });
    expect(Buffer.from(host.bytes).equals(device.file.bytes)).toBe(true);
  });

  it('a weak ETag decides nothing', async () => {
    const device = await interrupted(200_000, new FakeHost(FILE, [], { etag: 'W/"one"' }));
    const host = new FakeHost(FILE, [], { etag: 'W/"two"' });
    expect(await device.download(host)).toMatchObject({ notes: [], sha256: sha256(FILE) });
  });

  it('a host whose headers a page may not read', async () => {
    const hidden = { etag: '', 'last-modified': '', 'content-range': '' };
    const device = await interrupted(200_000, new FakeHost(FILE, [{ headers: hidden }]));
    const host = new FakeHost(FILE, [{ headers: hidden }]);
    expect(await device.download(host)).toEqual({ bytes: SIZE, sha256: sha256(FILE), notes: [] });
  });

  it('a lost connection is not taken for a refusal: what is here stays', async () => {
    const device = await interrupted(200_000);
    const lost = { unreachable: true };
    // Only the whole file could be asked for just then; the part comes the next time.
    const host = new FakeHost(FILE, [lost, {}, {}]);
    expect(await device.download(host)).toEqual({ bytes: SIZE, sha256: sha256(FILE), notes: [] });
    expect(host.asked.map(({ from }) => from)).toEqual([200_000 - OVERLAP, null, 200_000 - OVERLAP]);
    const again = await interrupted(200_000);
    await failure(again.download(new FakeHost(FILE, [lost])));
    expect(JSON.parse(again.text!).done).toBe(200_000);
    expect(again.file.size).toBe(200_000);
  });

  it('a page in the place of the file costs nothing of what is here', async () => {
    const device = await interrupted(200_000);
    const portal = { body: '<!doctype html>', headers: { 'content-type': 'text/html' }, ignoresRange: true };
    expect(await failure(device.download(new FakeHost(FILE, [portal])))).toMatchObject({
      reason: 'not-a-file',
    });
    expect(device.file.size).toBe(200_000);
  });
});

describe('a file that is refused', () => {
  it.each<[string, Turn, Partial<DownloadError>]>([
    ['404', { status: 404 }, { reason: 'missing', code: 'not-found' }],
    ['403', { status: 403 }, { reason: 'forbidden' }],
    ['401', { status: 401 }, { reason: 'forbidden' }],
    ['400', { status: 400 }, { reason: 'missing' }],
    [
      'a page',
      { body: '<html>', headers: { 'content-type': 'text/html; charset=utf-8' } },
      { reason: 'not-a-file' },
    ],
    ['a page that calls itself a file', { body: '\n<!DOCTYPE html><p>' }, { reason: 'not-a-file' }],
    ['a pointer', { body: 'version https://git-lfs.github.com/spec/v1\n' }, { reason: 'not-a-file' }],
    [
      'a redirect to another host',
      { url: 'https://evil.example/x.pkl' },
      { reason: 'foreign', code: 'refused' },
    ],
    ['a redirect to http', { url: 'http://huggingface.co/x.pkl' }, { reason: 'foreign' }],
    ['nothing at all', { unreachable: true }, { reason: 'blocked' }],
  ])('%s', async (_, turn, expected) => {
    const device = new Device();
    const error = await failure(device.download(new FakeHost(FILE, [turn])));
    expect(error).toMatchObject(expected);
    expect(error.describe().split('\n')).toHaveLength(1);
    expect(error.address).toBe('https://huggingface.co/a/b/resolve/main/network.pkl');
    expect(device.file.size).toBe(0);
  });

  it('an address of no host of the list is never asked', async () => {
    const host = new FakeHost(FILE);
    const error = await failure(new Device().download(host, { address: 'https://example.org/x.pkl' }));
    expect(error).toMatchObject({ reason: 'foreign', detail: { found: 'example.org' } });
    expect(host.asked).toEqual([]);
  });

  it('another length than the expected one: not one byte is written', async () => {
    const device = new Device();
    const error = await failure(device.download(new FakeHost(FILE), { bytes: 1000 }));
    expect(error).toMatchObject({
      reason: 'wrong-length',
      detail: { expected: '1000 bytes', found: `${SIZE}` },
    });
    expect(device.file.size).toBe(0);
    const unsaid = new FakeHost(FILE, [{ headers: { 'content-length': '' } }]);
    expect(await failure(device.download(unsaid, { bytes: 1000 }))).toMatchObject({ reason: 'wrong-length' });
    expect(await failure(device.download(unsaid, { bytes: SIZE + 1 }))).toMatchObject({
      reason: 'wrong-length',
    });
  });

  it('other contents than the expected ones: nothing stays', async () => {
    const device = new Device();
    const error = await failure(device.download(new FakeHost(FILE), { sha256: sha256(pattern(2)) }));
    expect(error).toMatchObject({ reason: 'wrong-content', code: 'bad-file' });
    expect(device.file.size).toBe(0);
    expect(await device.download(new FakeHost(FILE), { sha256: sha256(FILE) })).toMatchObject({
      bytes: SIZE,
    });
  });

  it('no room: known before anything is written, or found while writing', async () => {
    const device = new Device();
    const room = async (total: number) => {
      throw new RangeError(`no room for ${total}`);
    };
    expect(await failure(device.download(new FakeHost(FILE), { room }))).toMatchObject({
      message: `no room for ${SIZE}`,
    });
    expect(device.file.size).toBe(0);
    device.file.room = 150_000;
    expect(await failure(device.download(new FakeHost(FILE)))).toMatchObject({ reason: 'full' });
    device.file.room = Number.POSITIVE_INFINITY;
    expect(await device.download(new FakeHost(FILE))).toEqual({
      bytes: SIZE,
      sha256: sha256(FILE),
      notes: [],
    });
  });
});

describe('redirects that are ours to follow', () => {
  const to = (location: string): Turn => ({ status: 302, body: '', headers: { location } });

  it('are followed from host to host of the list', async () => {
    const host = new FakeHost(FILE, [to('https://cdn.hf.co/x?sign=1'), to('/y'), {}]);
    expect(await new Device().download(host, {}, 'ours')).toMatchObject({ bytes: SIZE });
    expect(host.asked.map(({ url }) => url).slice(1)).toEqual([
      'https://cdn.hf.co/x?sign=1',
      'https://cdn.hf.co/y',
    ]);
    expect(host.asked[0]!.init).toMatchObject({
      redirect: 'manual',
      headers: { 'accept-encoding': 'identity' },
    });
  });

  it('to another host end it before that host is asked', async () => {
    const host = new FakeHost(FILE, [to('https://evil.example/x'), {}]);
    expect(await failure(new Device().download(host, {}, 'ours'))).toMatchObject({ reason: 'foreign' });
    expect(host.asked).toHaveLength(1);
  });

  it('without end', async () => {
    const host = new FakeHost(FILE, [to('https://huggingface.co/x')]);
    expect(await failure(new Device().download(host, {}, 'ours'))).toMatchObject({ reason: 'busy' });
  });
});

describe('cancelled', () => {
  it('while bytes come: what came is kept', async () => {
    const device = await interrupted(120_000);
    expect(device.file.size).toBe(120_000);
    expect(JSON.parse(device.text!)).toMatchObject({ done: 120_000, sha256: null });
  });

  it('while it waits, and before it begins', async () => {
    const device = new Device();
    const abort = new AbortController();
    const onState = ({ phase }: { phase: string }) => phase === 'waiting' && abort.abort();
    const host = new FakeHost(FILE, [{ cut: 100_000 }]);
    expect(await failure(device.download(host, { signal: abort.signal, onState }))).toMatchObject({
      reason: 'cancelled',
      code: 'cancelled',
    });
    expect(await failure(new Device().download(host, { signal: abort.signal }))).toMatchObject({
      reason: 'cancelled',
    });
    expect(host.asked).toHaveLength(1);
  });
});
