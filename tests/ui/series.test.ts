import { describe, expect, test } from 'vitest';
import { preset } from '../../src/distil/config';
import { logScale, seriesFigure } from '../../src/features/distil/series/series-figure';
import {
  distanceCurves,
  endOf,
  type SeriesRow,
  seriesCsv,
  seriesRows,
} from '../../src/features/distil/series/series-rows';
import type { RunDetail } from '../../src/protocol/runs';
import { began, makeSeries } from '../../src/state/distil/series/series';

const row = (over: Partial<SeriesRow>): SeriesRow => ({
  id: 'a',
  label: 'Level 1',
  state: 'finished',
  error: null,
  share: 0.192,
  images: 64,
  of: 64,
  seconds: 12.34,
  distances: [
    { images: 0, value: 20, error: null },
    { images: 32, value: 8, error: 0.5 },
    { images: 64, value: 4, error: 0.25 },
  ],
  samples: null,
  plan: null,
  n: 128,
  ...over,
});

const request = (id: string) => ({
  about: {
    id,
    number: 1,
    name: id,
    teacherKey: 't',
    teacherName: 'T',
    dataName: 'D',
    resolution: 32,
    classes: null,
    licence: null,
  },
  teacher: { kind: 'catalogue', id: 't' } as const,
  student: null,
  data: { kind: 'pack', id: 'd' } as const,
  config: { ...preset('small'), batch: 32, images: 64 },
  sampleSeeds: [0],
  sampleEvery: 1,
  measureImages: 128,
  measureEvery: 32,
});

describe('the rows of a series', () => {
  const series = began(
    makeSeries({ id: 's', name: 'S' }, [
      { label: 'A', request: request('a') },
      { label: 'B', request: request('b') },
    ]),
    'a',
  );
  const detail = {
    record: {
      about: series.runs[0]!.request.about,
      request: series.runs[0]!.request,
      config: request('a').config,
      end: 'stopped',
      error: null,
      plan: { trainedParameters: 1, parameters: 4, teacherOneStep: 20, floor: 1, features: 'F' },
    },
    curve: [
      { images: 32, imagesPerSecond: 16, measureSeconds: 3, frechet: 8, frechetError: 0.5 },
      { images: 64, imagesPerSecond: 16, sampleSeconds: 1 },
    ],
    samples: [],
  } as unknown as RunDetail;

  test('are what the disk has of a run, and what is still to come', () => {
    const [a, b] = seriesRows('s', series, [detail], null);
    expect(a).toMatchObject({ label: 'A', state: 'running', share: 0.25, images: 64, of: 64, n: 128 });
    expect(a!.seconds).toBe(2 + 3 + 2 + 1);
    expect(a!.distances.map(({ images, value }) => [images, value])).toEqual([
      [0, 20],
      [32, 8],
    ]);
    expect(endOf(a!)).toMatchObject({ images: 32, error: 0.5 });
    expect(b).toMatchObject({ label: 'B', state: 'waiting', share: null, images: 0, distances: [] });
    expect(endOf(b!)).toBeNull();
  });

  test('of an older series are its runs alone', () => {
    const [only] = seriesRows('s', null, [detail], null);
    expect(only).toMatchObject({ label: 'A', state: 'stopped', share: 0.25 });
  });
});

describe('what is saved of a series', () => {
  const rows = [
    row({}),
    row({ id: 'b', label: '=Own, "x"', share: null, state: 'waiting', images: 0, seconds: 0, distances: [] }),
  ];

  test('is a line for each distance, the last one marked; a label stays one field and is no formula', () => {
    expect(seriesCsv(rows).trimEnd().split('\n')).toEqual([
      'choice,state,share_trained,images,distance,error,n,seconds_of_run,end',
      '"Level 1",finished,0.1920,0,20,,128,12.3,',
      '"Level 1",finished,0.1920,32,8,0.5,128,12.3,',
      '"Level 1",finished,0.1920,64,4,0.25,128,12.3,end',
      `"'=Own, ""x""",waiting,,0,,,128,0.0,`,
    ]);
  });

  test('is a figure with every run that has a distance, also where none has one yet', () => {
    const { text } = seriesFigure('Title <1>', 'note', rows);
    expect(text).toContain('Title &lt;1&gt;');
    expect(text.match(/<polyline [^>]*stroke="#d75c03" stroke-width="2"/g)).toHaveLength(1);
    expect(text).not.toContain('NaN');
    expect(seriesFigure('T', '', [rows[1]!]).text).not.toContain('NaN');
  });

  test('curves share one axis of images; what a run has not measured is a gap', () => {
    const { xs, series } = distanceCurves([
      row({}),
      row({ id: 'c', distances: [{ images: 16, value: 9, error: 1 }] }),
    ]);
    expect(xs).toEqual([0, 16, 32, 64]);
    expect(series.map(({ values }) => values)).toEqual([
      [20, null, 8, 4],
      [null, 9, null, null],
    ]);
  });
});

test('a logarithmic scale begins and ends at 1, 2 or 5', () => {
  const y = logScale(3, 30, 100, 0);
  expect(y.ticks).toEqual([2, 5, 10, 20, 50]);
  expect([y.at(2), y.at(50), y.at(10)]).toEqual([100, 0, 50]);
  expect(logScale(5, 5, 100, 0).ticks).toEqual([5, 10]);
});
