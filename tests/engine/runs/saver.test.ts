import { expect, test } from 'vitest';
import { wayBackOf } from '../../../src/engine/distil/way-back';
import type { RunFolder } from '../../../src/engine/runs/folder';
import { RunSaver } from '../../../src/engine/runs/saver';
import type { RunState, SavedRun } from '../../../src/engine/runs/state';
import { keepUnsaved, unsavedRuns } from '../../../src/engine/runs/unsaved';
import type { DistilEvent } from '../../../src/protocol/distil';
import type { RunRecord } from '../../../src/protocol/runs';

const state = (images: number): RunState =>
  ({
    tensors: new Map([['ema.a', { shape: [1], values: Float32Array.of(images) }]]),
    meta: { images },
  }) as unknown as RunState;
const RECORD = {} as RunRecord;
const recordAt = (images: number) => ({ images }) as RunRecord;
const FULL = new DOMException('no room', 'QuotaExceededError');

let runs = 0;

/** A folder in memory that fails as often as it is told to. */
function set({ failures = [] as unknown[], folder = true } = {}) {
  const saved: number[] = [];
  const thinned: number[] = [];
  const events: DistilEvent[] = [];
  const clock = { ms: 0 };
  const records: RunRecord[] = [];
  const fake = {
    id: `run-${++runs}`,
    async saveState({ meta }: RunState) {
      const failure = failures.shift();
      if (failure) throw failure;
      clock.ms += 100;
      saved.push(meta.images);
      return 64;
    },
    saveRecord: async (record: RunRecord) => records.push(structuredClone(record)),
    record: async () => records.at(-1) ?? null,
    async thinStudents(most: number) {
      thinned.push(most);
      return 1;
    },
    state: async () => (saved.length > 0 ? { from: 'disk', images: saved.at(-1) } : null),
  } as unknown as RunFolder;
  const saver = new RunSaver(
    folder ? fake : null,
    (event) => events.push(event),
    () => clock.ms,
  );
  const notices = () => events.flatMap((e) => (e.kind === 'notice' ? [e.text] : []));
  return { saver, fake, saved, records, thinned, events, clock, notices };
}

test('a save goes to the folder, and the next one is due after ten seconds', async () => {
  const s = set();
  s.clock.ms = 20_000;
  expect(s.saver.due).toBe(true);
  await s.saver.save(state(32), RECORD);
  expect(s.saved).toEqual([32]);
  expect(s.events).toEqual([{ kind: 'saved', images: 32, bytes: 64 }]);
  expect(s.saver.due).toBe(false);
  s.clock.ms += 10_001;
  expect(s.saver.due).toBe(true);
  expect(await s.saver.load()).toMatchObject({ from: 'disk', images: 32 });
});

test('a save that takes long is made less often', async () => {
  const s = set();
  const slow = s.saver.save(state(1), RECORD);
  s.clock.ms += 5000;
  await slow;
  s.clock.ms += 60_000;
  expect(s.saver.due).toBe(false);
  s.clock.ms += 60_000;
  expect(s.saver.due).toBe(true);
});

test('a full disk: students make room first', async () => {
  const s = set({ failures: [FULL] });
  await s.saver.save(state(8), RECORD);
  expect(s.thinned).toEqual([3]);
  expect(s.saved).toEqual([8]);
  expect(s.notices()).toEqual([]);
});

test('still full: the run goes on from memory and says what to do, until there is room again', async () => {
  const s = set({ failures: [null, FULL, FULL] });
  await s.saver.save(state(8), recordAt(8));
  await s.saver.save(state(16), recordAt(16));
  expect(s.notices()).toHaveLength(1);
  expect(s.notices()[0]).toMatch(/no room left.*last save is from 8 images.*Delete runs/);
  const kept = await s.saver.load();
  expect(kept!.meta.images).toBe(16);
  expect(kept!.tensors.read('ema.a')).toEqual(Float32Array.of(16));
  await s.saver.save(state(24), RECORD);
  expect(s.notices().at(-1)).toBeNull();
  expect(await s.saver.load()).toMatchObject({ from: 'disk', images: 24 });
});

test('without private files a run lives in memory, and that is said at once', async () => {
  const s = set({ folder: false });
  expect(s.notices()[0]).toContain('lives as long as the page');
  await s.saver.save(state(8), RECORD);
  expect((await s.saver.load())!.meta.images).toBe(8);
  expect(await s.saver.load('best')).toBeNull();
});

test('a run that ends on a full disk is told as it is on disk, kept in memory, and saved once there is room', async () => {
  const s = set({ failures: [null, FULL, FULL] });
  await s.saver.save(state(8), recordAt(8));
  await s.saver.save(state(16), recordAt(16));
  await s.saver.describe({ ...recordAt(16), end: 'stopped' });
  expect(s.records.at(-1)).toMatchObject({ images: 8, end: 'stopped' });
  expect(s.notices().at(-1)).toMatch(/kept as long as the page is open/);
  await keepUnsaved(s.fake);
  expect(s.saved).toEqual([8, 16]);
  expect(s.records.at(-1)).toMatchObject({ images: 16, end: 'stopped' });
  expect(unsavedRuns.has(s.fake.id)).toBe(false);
});

test('a best save on a disk that did not take the last one first writes that one; until then it claims nothing', async () => {
  const s = set({ failures: [null, FULL, FULL, FULL, FULL] });
  await s.saver.save(state(8), recordAt(8));
  await s.saver.save(state(16), recordAt(16));
  await s.saver.save(state(24), { ...recordAt(24), best: { images: 24 } } as RunRecord, 'best');
  expect(s.saved).toEqual([8]);
  expect(s.notices().at(-1)).toContain('no room left');
  expect(unsavedRuns.get(s.fake.id)!.record).toMatchObject({ images: 16, best: { images: 24 } });
  await s.saver.save(state(32), { ...recordAt(32), best: { images: 32 } } as RunRecord, 'best'); // room again
  expect(s.saved).toEqual([8, 16, 32]);
  expect(s.records.at(-1)).toMatchObject({ images: 16, best: { images: 32 } });
  expect(s.notices().at(-1)).toBeNull();
  expect(unsavedRuns.has(s.fake.id)).toBe(false);
});

test('the way back passes over saves whose weights are broken', async () => {
  const back = (saves: Record<string, number>, brokenAt: number, goBackTo: 'last' | 'best' = 'last') =>
    wayBackOf(
      { goBackTo, brokenAt },
      {
        load: async (which = 'last') =>
          which in saves ? ({ meta: { iteration: saves[which] } } as unknown as SavedRun) : null,
      },
    );
  expect(await back({ last: 9 }, 12)).toBe('last');
  expect(await back({ last: 12, earlier: 8 }, 12)).toBe('earlier');
  expect(await back({ last: 8, earlier: 12, best: 4 }, 8)).toBe('best');
  expect(await back({ last: 0 }, 0)).toBeNull();
  expect(await back({}, 5, 'best')).toBe('best');
});
