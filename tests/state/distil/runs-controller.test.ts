import { expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { RunDetail, RunsCall, UnreadableRun } from '../../../src/protocol/runs';
import { createStores } from '../../../src/state/app-state';
import { createDistilController } from '../../../src/state/distil/controller';
import { interruptedRun } from '../../../src/state/distil/run-list';
import { defaultView } from '../../../src/state/generate/view';
import { LongSteps } from '../../../src/state/long-steps';
import { FakeClient, tick } from '../../support/fake-client';

const detail = (id: string, extra: Partial<RunDetail['record']> = {}): RunDetail => ({
  record: {
    version: 1,
    about: {
      id,
      number: 1,
      name: `Run ${id}`,
      teacherKey: 't',
      teacherName: 'Teacher',
      dataName: 'Data',
      resolution: 1,
      classes: null,
      licence: null,
    },
    notes: '',
    created: 1,
    updated: 2,
    request: { sampleSeeds: [0], measureImages: 0 } as RunDetail['record']['request'],
    config: { images: 64, batch: 8, generatorRate: 2e-4 } as RunDetail['record']['config'],
    end: 'open',
    error: null,
    wayBack: null,
    iteration: 2,
    images: 16,
    frechet: null,
    best: null,
    plan: null,
    backend: 'wasm',
    kept: { teacher: false, student: false, data: false },
    thinned: 0,
    ...extra,
  },
  bytes: 10,
  busy: false,
  unsaved: false,
  missing: null,
  preview: null,
  curve: [1, 2].map((iteration) => ({ iteration, images: 8 * iteration })) as RunDetail['curve'],
  distances: [],
  samples: [0, 16].map((images) => ({
    images,
    resolution: 1,
    pixels: new Uint8ClampedArray(4),
    student: images > 0,
  })),
});

function set(runs = [detail('a'), detail('b')], unreadable: UnreadableRun[] = []) {
  const client = new FakeClient();
  const stores = createStores({ ...defaultView(1), tab: 'distil' }, null);
  client.answers = (call: RunsCall) => {
    if (call.do === 'list') return { runs, unreadable };
    if (call.do === 'open') {
      const found = runs.find((r) => r.record.about.id === call.run);
      if (!found) throw new InnateError('not-found', 'this run is not saved here any more');
      return found;
    }
    if (call.do === 'student') return { key: `made-${call.images}`, name: 'Student' };
    return null;
  };
  const controller = createDistilController({
    client,
    stores,
    steps: new LongSteps(stores.steps, () => 0),
    loadPacks: async () => '{}',
    nextFrame: (callback) => callback(),
    now: () => 0,
  });
  return { client, stores, controller, state: () => stores.distil.getState() };
}

test('an interrupted run is looked at as it was saved, and goes on where it was', async () => {
  const s = set();
  await s.controller.loadRuns();
  expect(s.state().runs).toHaveLength(2);
  await s.controller.openRun('a');
  expect(s.state()).toMatchObject({
    shown: 'run',
    run: { interrupted: true, ended: true, phase: 'stopped' },
  });
  expect(s.state().run!.history.points).toHaveLength(2);
  await s.controller.resumeRun('a', { from: 'best', changes: { generatorRate: 1e-4 } });
  const run = s.client.distilled[0]!;
  expect(run.request).toEqual({
    resume: 'a',
    from: 'best',
    changes: { generatorRate: 1e-4 },
    files: [],
    teacher: null,
  });
  expect(s.state().run).toMatchObject({ ended: false, phase: 'preparing', config: { generatorRate: 1e-4 } });
  run.emit({ kind: 'rewound', iteration: 1, images: 8 });
  expect(s.state().run!.history.points.map((p) => p.iteration)).toEqual([1]);
  expect(s.state().run!.history.snapshots.map((p) => p.images)).toEqual([0]);
  run.emit({ kind: 'notice', topic: 'storage', text: 'full' });
  run.emit({ kind: 'saved', images: 8, bytes: 1 });
  expect(s.state().run).toMatchObject({ notices: { storage: 'full' }, saved: { images: 8 } });
  run.emit({ kind: 'notice', topic: 'storage', text: null });
  expect(s.state().run!.notices.storage).toBeUndefined();
  // Another one cannot be opened meanwhile; this one can be gone back to.
  await s.controller.openRun('b');
  expect(s.state().runsError).toContain('a run is under way');
  s.controller.show('setup');
  await s.controller.openRun('a');
  expect(s.state()).toMatchObject({ shown: 'run', runsError: null, run: { ended: false } });
  await run.end({ phase: 'stopped', images: 8, student: null });
  await tick();
  expect(s.client.asked.at(-1)).toEqual({ do: 'list' });
});

test('names, notes, deletion and comparison go to the engine; a run that is gone is said', async () => {
  const s = set();
  await s.controller.openRun('a');
  await s.controller.describeRun('a', { name: 'Mine' });
  expect(s.state().run!.about.name).toBe('Mine');
  await s.controller.compareRuns('a', 'b');
  expect(s.state().shown).toBe('compare');
  expect(s.state().compared!.map((r) => r.record.about.id)).toEqual(['a', 'b']);
  await s.controller.deleteRun('a');
  expect(s.state().run).toBeNull();
  await s.controller.openRun('gone');
  expect(s.state().runsError).toContain('not saved here any more');
  expect(s.client.asked.map((call) => call.do)).toEqual([
    'open',
    'describe',
    'list',
    'open',
    'open',
    'delete',
    'list',
    'open',
  ]);
});

test('any moment may be used or saved', async () => {
  const s = set();
  await s.controller.openRun('a');
  await s.controller.showStudent(16);
  expect(s.stores.view.getState()).toMatchObject({ tab: 'generate', model: 'made-16', sampler: null });
  await s.controller.showStudent();
  expect(s.stores.view.getState().model).toBe('made-null');
  await s.controller.exportRun('delta', 16);
  expect(s.client.asked.at(-1)).toEqual({ do: 'export', run: 'a', what: 'delta', images: 16 });
});

test('a run that diverged keeps its way back', async () => {
  const s = set();
  await s.controller.resumeRun('a');
  const run = s.client.distilled[0]!;
  const error = 'the loss is not a number any more';
  run.emit({ kind: 'phase', phase: 'failed', error, wayBack: 'best' });
  await run.fail(new InnateError('backend', error));
  expect(s.state().run).toMatchObject({ ended: true, phase: 'failed', error, wayBack: 'best' });
});

test('marks of kept students follow what the engine keeps', async () => {
  const s = set();
  await s.controller.resumeRun('a');
  const run = s.client.distilled[0]!;
  run.emit({
    kind: 'samples',
    images: 24,
    pixels: new Uint8ClampedArray(4),
    resolution: 1,
    student: true,
  });
  run.emit({ kind: 'students', images: [24] });
  expect(s.state().run!.history.snapshots.map((p) => p.student)).toEqual([false, false, true]);
  expect(s.state().run!.thinned).toBe(true);
});

test('runs that cannot be read are listed, exported and deleted like others; what fails is told', async () => {
  const unreadable = [{ id: 'x', bytes: 7, busy: false, reason: 'its record is damaged', state: true }];
  const s = set([], unreadable);
  await s.controller.loadRuns();
  expect(s.state()).toMatchObject({ runs: [], unreadable });
  s.client.answers = () => new Blob(['state']);
  expect((await s.controller.exportUnreadable('x', 'state'))!.size).toBe(5);
  expect(s.client.asked.at(-1)).toEqual({ do: 'export', run: 'x', what: 'state', images: null });
  s.client.answers = () => {
    throw new InnateError('io', 'a saved file could not be read');
  };
  expect(await s.controller.exportUnreadable('x', 'files')).toBeNull();
  expect(s.state().runsError).toContain('could not be read');
  s.client.answers = () => null;
  await s.controller.deleteRun('x');
  expect(s.client.asked.map((call) => call.do)).toContain('delete');
});

test('the newest run that did not end is offered; one of the series that waits is not', () => {
  const alone = detail('alone');
  const series = { id: 's', name: 'Levels', label: 'level 1', index: 0, of: 2 };
  const member = detail('member', { about: { ...alone.record.about, series } });
  const ended = detail('ended', { end: 'finished' });
  const busy = { ...detail('busy'), busy: true };
  const offered = (waiting: { id: string } | null, ...runs: RunDetail[]) =>
    interruptedRun(runs, waiting)?.record ?? null;
  expect(offered(null, ended, busy, alone)).toBe(alone.record);
  expect(offered({ id: 's' }, ended, member, alone)).toBe(alone.record);
  expect(offered({ id: 'other' }, member, alone)).toBe(member.record);
  expect(offered(null, member)).toBe(member.record);
  expect(offered(null, ended, busy)).toBeNull();
  expect(interruptedRun(null, null)).toBeNull();
});
