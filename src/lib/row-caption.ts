import { formatCount, formatMs, formatNumber } from './figures';
import { evaluations, type SamplerName } from './sampling';
import { counted, whole } from './words';

/** A distance as its authors report it: always a FID, on Inception features. */
export interface ReportedFid {
  value: number;
  /** Network evaluations of an image, where the source states them. */
  nfe: number | null;
  /** They report it of their best network of this kind, not of this very one. */
  best: boolean;
  /** Where it was read. */
  source: string;
}

/** A distance that was measured with this project: never a FID, and nothing without its features. */
export interface MeasuredFd {
  value: number;
  error: number | null;
  nfe: number;
  features: string;
  /** Images generated. */
  n: number;
}

/** What is known of a row of a comparison, settings resolved. */
export interface RowFigures {
  name: string;
  role: 'teacher' | 'student' | 'unknown';
  sampler: SamplerName;
  /** Heun steps; counts for 'heun' alone. */
  steps: number;
  sigma: number;
  /** Milliseconds of an image; null before it was measured. */
  ms: number | null;
  /** Null where nobody says. */
  parameters: number | null;
  paper: ReportedFid | null;
  here: MeasuredFd | null;
}

/** "Heun, 18 steps, 35 NFE, sigma 80". */
export function howText(row: Pick<RowFigures, 'role' | 'sampler' | 'steps' | 'sigma'>): string {
  const { sampler, steps, role } = row;
  const passes = `${whole(evaluations(row))} NFE`;
  const once = { teacher: 'The teacher, once', student: 'One-step generator', unknown: 'One step' }[role];
  const twice = role === 'student' ? 'Two-step generator' : 'Two steps';
  const way = { 'one-step': once, 'two-step': twice, heun: `Heun, ${counted(steps, 'step')}` }[sampler];
  return `${way}, ${passes}, sigma ${formatNumber(row.sigma)}`;
}

/** The number of evaluations stands with a distance where it is not the row's own. */
const at = (nfe: number | null, row: Pick<RowFigures, 'sampler' | 'steps'>): string =>
  nfe === null || nfe === evaluations(row) ? '' : ` at ${whole(nfe)} NFE`;

/** "FID 2.64 at 79 NFE", digits as reported. */
export const paperText = (row: Pick<RowFigures, 'paper' | 'sampler' | 'steps'>): string =>
  row.paper
    ? `FID ${row.paper.value}${at(row.paper.nfe, row)}${row.paper.best ? ', their best' : ''}`
    : 'not reported';

/** No zeros that nobody measured: 0.8, 3.27, 41.2. */
const threeDigits = (value: number): string => String(Number(value.toPrecision(3)));

/** "FD 0.79 ± 0.03". */
export function hereText(row: Pick<RowFigures, 'here' | 'sampler' | 'steps'>): string {
  if (!row.here) return 'not measured';
  const { value, error, nfe } = row.here;
  const spread = error === null ? '' : ` ± ${threeDigits(error)}`;
  return `FD ${threeDigits(value)}${spread}${at(nfe, row)}`;
}

/** The three facts of a row, as terms and values: paper and here are never one. */
export const factTexts = (row: RowFigures): [term: string, value: string][] => [
  ['Parameters', row.parameters === null ? 'not stated' : formatCount(row.parameters)],
  ['Paper', paperText(row)],
  ['Here', hereText(row)],
];

/** "12.4 ms", or nothing before an image was made. */
export const timeText = ({ ms }: Pick<RowFigures, 'ms'>): string => (ms === null ? '' : `${formatMs(ms)} ms`);

/** What tells rows of one model apart: "Cats, diffusion teacher at 35 NFE". */
export const rowTitle = (row: Pick<RowFigures, 'name' | 'sampler' | 'steps'>): string =>
  row.sampler === 'one-step' ? row.name : `${row.name} at ${whole(evaluations(row))} NFE`;

/** The foot of a sheet: where the times come from, and what the distances are. */
export function footText(machine: string, rows: readonly RowFigures[]): string {
  const lines = ['The same noise in every row'];
  if (rows.some((row) => row.ms !== null)) lines.push(`times are of one image, on ${machine}`);
  if (rows.some((row) => row.paper)) lines.push('FID as reported by the authors');
  const features = [
    ...new Set(rows.flatMap(({ here }) => (here ? [`${here.features}, n = ${whole(here.n)}`] : []))),
  ];
  if (features.length > 0) lines.push(`FD measured with Innate on ${features.join(' and ')}`);
  return `${lines.join('; ')}.`;
}
