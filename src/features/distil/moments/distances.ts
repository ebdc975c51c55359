import { csvText } from '../../../lib/csv';
import { type MeasureFeatures, metricLabel } from '../../../protocol/measure';
import type { RunDistances } from '../../../protocol/run-distances';
import type { CurveLevel, CurveSeries } from '../../../ui/curve-data';

/** "FID" on Inception's features, "FD" on all others. */
export const labelOf = ({ features }: Pick<RunDistances, 'features'>): string =>
  metricLabel('fid', features === 'inception');

export const SHORT_NAMES: Readonly<Record<MeasureFeatures, string>> = {
  inception: 'Inception',
  resnet56: 'ResNet-56',
  lite0: 'EfficientNet-Lite0',
  mobilenet: 'MobileNetV1',
};

/** The moments of one measure as a curve with its error bars, and the floor as a level. */
export function distanceCurve(distances: RunDistances): {
  xs: number[];
  series: CurveSeries[];
  levels: CurveLevel[];
} {
  const { moments, floor } = distances;
  return {
    xs: moments.map(({ images }) => images),
    series: [
      {
        name: labelOf(distances),
        values: moments.map(({ value }) => value),
        errors: moments.map(({ error }) => error),
        colour: '--cat-1',
        dash: '--dash-1',
        sparse: true,
      },
    ],
    levels:
      floor === null ? [] : [{ name: 'Held-out real', value: floor, colour: '--cat-6', dash: '--dash-3' }],
  };
}

const COLUMNS = ['features', 'n', 'nfe', 'images', 'distance', 'error', 'floor', 'reference'] as const;

/** All distances as a table, a line for each moment; what was not measured is empty. */
export function distancesCsv(all: readonly RunDistances[]): string {
  const rows = all.flatMap(({ features, n, nfe, floor, reference, moments }) =>
    moments.map(({ images, value, error }) =>
      [features, n, nfe, images, value, error ?? '', floor ?? '', csvText(reference)].join(','),
    ),
  );
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`;
}
