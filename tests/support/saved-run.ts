import { preset } from '../../src/distil/config';
import type { RunMeta } from '../../src/distil/state';
import { newRecord } from '../../src/engine/distil/record';
import type { RunState } from '../../src/engine/runs/state';
import type { DistilRequest, RunAbout } from '../../src/protocol/distil';
import type { RunRecord } from '../../src/protocol/runs';

/** What somebody asks for who distils a small teacher on a sample pack. */
export const runRequest = (about: Pick<RunAbout, 'id' | 'dataName' | 'resolution'>): DistilRequest => ({
  about: {
    number: 1,
    name: `Run ${about.id}`,
    teacherKey: 't',
    teacherName: 'T',
    classes: null,
    licence: null,
    ...about,
  },
  teacher: { kind: 'catalogue', id: 't' },
  student: null,
  data: { kind: 'pack', id: about.dataName },
  config: preset('small'),
  sampleSeeds: [0],
  sampleEvery: 10,
  measureImages: 0,
  measureEvery: 0,
});

/** Its record after so many images. */
export const runRecord = (
  about: Pick<RunAbout, 'id' | 'dataName' | 'resolution'>,
  images: number,
): RunRecord => ({ ...newRecord(runRequest(about), 'wasm'), images });

/** What it saves after so many images. */
export const runState = (
  images: number,
  tensors: RunState['tensors'] = new Map([['ema.a', { shape: [1], values: Float32Array.of(images) }]]),
): RunState => ({
  tensors,
  meta: {
    version: 1,
    config: preset('small'),
    iteration: 2,
    images,
    dataPosition: images,
    best: null,
    curve: [],
    backend: 'wasm',
  } as RunMeta,
});
