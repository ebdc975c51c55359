import { type MeasureResult, type Metric, type MetricKey, metricLabel } from '../../protocol/measure';

/** Digits behind the point: kernel distances are small. */
const digits = (key: MetricKey): number => (key === 'kid' ? 4 : key === 'fid' || key === 'is' ? 2 : 3);

export interface MetricRow {
  label: string;
  value: string;
  /** "± 0.03"; '' where there are too few images. */
  error: string;
  /** Of held-out real images; '' where there are none. */
  floor: string;
}

/** A result's numbers in words, each with its error and what real images get. */
export const metricRows = ({ metrics, onInception }: MeasureResult): MetricRow[] =>
  (Object.entries(metrics) as [MetricKey, Metric][]).map(([key, { value, error, floor }]) => ({
    label: metricLabel(key, onInception),
    value: value.toFixed(digits(key)),
    error: error === null ? '' : `± ${error.toFixed(digits(key))}`,
    floor: floor === null ? '' : floor.toFixed(digits(key)),
  }));

/** A table of one row, for a paper's draft or a model card. Features, count and reference stand with the numbers. */
export function markdownTable(model: string, result: MeasureResult): string {
  const rows = metricRows(result);
  const cells: readonly (readonly [string, string])[] = [
    ['Model', model],
    ['NFE', String(result.nfe)],
    ...rows.map(({ label, value, error }) => [label, `${value} ${error}`.trim()] as const),
    ['n', String(result.n)],
    ['Features', result.features],
    ['Reference', result.reference],
  ];
  const line = (texts: readonly string[]) => `| ${texts.map((t) => t.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(cells.map(([head]) => head)),
    line(cells.map(() => '---')),
    line(cells.map(([, text]) => text)),
    '',
  ].join('\n');
}
