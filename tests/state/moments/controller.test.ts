import { expect, it } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { InceptionSource } from '../../../src/protocol/measure';
import type { RunDistances } from '../../../src/protocol/run-distances';
import { createDistilStore, type DistilRunState } from '../../../src/state/distil/store';
import { createLongStepsStore, LongSteps } from '../../../src/state/long-steps';
import { MomentsController } from '../../../src/state/moments/controller';
import { FakeClient } from '../../support/fake-client';

const RUN = { id: 'run-1', name: 'Run 1' };
const HOW = { features: 'resnet56', count: 300, moments: 6 } as const;
const distances = (...images: number[]): RunDistances[] => [
  {
    features: 'resnet56',
    words: 'ResNet-56',
    n: 300,
    reference: 'waves',
    floor: 1,
    nfe: 1,
    moments: images.map((at) => ({ images: at, value: 9, error: 0.1 })),
  },
];

function page() {
  const client = new FakeClient();
  const distil = createDistilStore();
  const view = (id: string) =>
    distil.setState({ run: { about: { id }, distances: [] } as unknown as DistilRunState });
  view('run-1');
  const steps = new LongSteps(createLongStepsStore(), () => 0);
  const extras: { inception: InceptionSource | null } = { inception: null };
  const controller = new MomentsController({ client, distil, steps, inception: () => extras.inception });
  const shown = () => distil.getState().run!.distances.flatMap(({ moments }) => moments.map((m) => m.images));
  return { client, controller, view, extras, steps: steps.store, shown };
}

it('each distance is shown as soon as it is there, and the step stands in the list of what takes long', async () => {
  const { client, controller, steps, shown } = page();
  const ended = controller.start(RUN, HOW);
  const [call] = client.measuredRuns;
  expect(call!.request).toEqual({ run: 'run-1', inception: null, files: [], ...HOW });
  expect(steps.getState().steps).toMatchObject([
    {
      kind: 'measuring',
      subject: 'snapshots of Run 1',
      place: { tab: 'distil', run: 'run-1' },
      stop: { word: 'Pause' },
    },
  ]);
  call!.options.onProgress!({ what: 'after 0 images, 1 of 6', done: 30, total: 300, unit: 'images' });
  expect(controller.store.getState().work).toEqual({ run: 'run-1' });
  expect(steps.getState().steps[0]!.progress).toMatchObject({ done: 30, total: 300 });
  call!.options.onEvent(distances(0));
  expect(shown()).toEqual([0]);
  void controller.start({ id: 'run-2', name: 'Run 2' }, HOW); // one at a time
  expect(client.measuredRuns).toHaveLength(1);
  call!.end(distances(0, 16));
  await ended;
  expect(shown()).toEqual([0, 16]);
  expect([controller.store.getState().work, steps.getState().steps]).toEqual([null, []]);
});

it('pauses from the list of what takes long without an error, and keeps what is there', async () => {
  const { client, controller, steps, shown } = page();
  const ended = controller.start(RUN, HOW);
  client.measuredRuns[0]!.options.onEvent(distances(0));
  steps.getState().steps[0]!.stop.perform();
  await ended;
  expect(controller.store.getState()).toMatchObject({ work: null, error: null });
  expect(shown()).toEqual([0]);
  void controller.start(RUN, HOW);
  expect(client.measuredRuns).toHaveLength(2);
});

it('does not draw one run’s distances into another that came into view', async () => {
  const { client, controller, view, shown } = page();
  const ended = controller.start(RUN, HOW);
  view('run-2');
  client.measuredRuns[0]!.options.onEvent(distances(0));
  client.measuredRuns[0]!.end(distances(0));
  await ended;
  expect(shown()).toEqual([]);
});

it('says what went wrong beside its run', async () => {
  const { client, controller } = page();
  const ended = controller.start(RUN, HOW);
  client.measuredRuns[0]!.fail(new InnateError('not-found', 'the images of this run are not kept here'));
  await ended;
  expect(controller.store.getState().error).toMatchObject({
    run: 'run-1',
    line: expect.stringContaining('not kept here'),
  });
});

it('takes Inception’s file as Measure has it where it is chosen, and forgets a curve', async () => {
  const { client, controller, extras, shown } = page();
  const file = new File(['weights'], 'inception.pth');
  extras.inception = file;
  const ended = controller.start(RUN, { ...HOW, features: 'inception' });
  expect(client.measuredRuns[0]!.request.inception).toBe(file);
  client.measuredRuns[0]!.end(distances(0, 16));
  await ended;
  client.answers = () => [];
  await controller.drop('run-1', { features: 'resnet56', n: 300 });
  expect(client.asked.at(-1)).toEqual({ do: 'drop-distances', run: 'run-1', features: 'resnet56', n: 300 });
  expect(shown()).toEqual([]);
});
