import type { CurvePoint } from '../../../distil/curve';
import { csvText } from '../../../lib/csv';
import type { DistilPlan } from '../../../protocol/distil';
import type { RunDetail } from '../../../protocol/runs';
import { idOf, type Series, type SeriesRun, type SeriesRunState } from '../../../state/distil/series/series';
import type { DistilRunState, Snapshot } from '../../../state/distil/store';
import type { CurveSeries } from '../../../ui/curve-data';

/** One run of a series as table, plots and files have it. */
export interface SeriesRow {
  id: string;
  label: string;
  state: SeriesRunState;
  error: string | null;
  /** Share of the parameters that trains; null before its plan is known. */
  share: number | null;
  images: number;
  of: number;
  seconds: number;
  /** Distances, in their order; the first is the teacher's own one step. */
  distances: { images: number; value: number; error: number | null }[];
  samples: Pick<Snapshot, 'pixels' | 'resolution'> | null;
  plan: DistilPlan | null;
  /** Generated images of a distance. */
  n: number;
}

/** The runs of a series: those still to come from the series itself, the one under way from the page, the rest from disk. */
export function seriesRows(
  id: string,
  series: Series | null,
  details: readonly RunDetail[],
  live: DistilRunState | null,
): SeriesRow[] {
  const saved = new Map(details.map((detail) => [detail.record.about.id, detail]));
  if (series?.id !== id) return details.map((detail) => rowOf(savedRun(detail), detail, live));
  return series.runs.map((run) => rowOf(run, saved.get(idOf(run)), live));
}

/** An older series is known by its runs alone. */
const savedRun = ({ record }: RunDetail): SeriesRun => ({
  label: record.about.series?.label ?? record.about.name,
  request: { ...record.request, about: record.about },
  state: record.end === 'open' ? 'stopped' : record.end,
  error: record.error,
});

function rowOf(run: SeriesRun, detail: RunDetail | undefined, live: DistilRunState | null): SeriesRow {
  const id = idOf(run);
  const mine = live?.about.id === id ? live : null;
  const points = mine?.history.points ?? detail?.curve ?? [];
  const plan = mine?.plan ?? detail?.record.plan ?? null;
  const samples = mine?.history.snapshots.at(-1) ?? detail?.samples.at(-1) ?? null;
  const { batch, images } = run.request.config;
  const first = plan?.teacherOneStep ?? null;
  return {
    id,
    label: run.label,
    state: run.state,
    error: run.error,
    share: plan && plan.trainedParameters / plan.parameters,
    images: points.at(-1)?.images ?? 0,
    of: images,
    seconds: points.reduce((sum, point) => sum + secondsOf(point, batch), 0),
    distances: [
      ...(first === null ? [] : [{ images: 0, value: first, error: null }]),
      ...points.flatMap(({ images: at, frechet, frechetError }) =>
        frechet === undefined ? [] : [{ images: at, value: frechet, error: frechetError ?? null }],
      ),
    ],
    samples,
    plan,
    n: run.request.measureImages,
  };
}

const secondsOf = (point: CurvePoint, batch: number): number =>
  batch / point.imagesPerSecond + (point.measureSeconds ?? 0) + (point.sampleSeconds ?? 0);

/** The newest distance of a row that was trained; null before one. */
export const endOf = ({ distances }: Pick<SeriesRow, 'distances'>) =>
  distances.findLast(({ images }) => images > 0) ?? null;

/** Colours and dashes by place, in the theme and, for files, in the light one (ui/tokens.css). */
const LINES = [
  { colour: '--cat-1', dash: '--dash-1', hex: '#d75c03', dashes: '' },
  { colour: '--cat-2', dash: '--dash-2', hex: '#1d76bc', dashes: '6 3' },
  { colour: '--cat-3', dash: '--dash-3', hex: '#064f3c', dashes: '1 3' },
  { colour: '--cat-4', dash: '--dash-4', hex: '#b76a92', dashes: '9 3 1 3' },
  { colour: '--cat-5', dash: '--dash-5', hex: '#7a5700', dashes: '3 2' },
  { colour: '--cat-6', dash: '--dash-6', hex: '#626866', dashes: '2 4' },
] as const;

export const lineOf = (index: number) => LINES[index % LINES.length]!;

/** All distances over one axis of images. */
export function distanceCurves(rows: readonly SeriesRow[]): { xs: number[]; series: CurveSeries[] } {
  const xs = [...new Set(rows.flatMap(({ distances }) => distances.map(({ images }) => images)))].sort(
    (a, b) => a - b,
  );
  const series = rows.flatMap(({ label, distances }, i) => {
    if (distances.length === 0) return [];
    const at = new Map(distances.map(({ images, value }) => [images, value]));
    const { colour, dash } = lineOf(i);
    return [{ name: label, colour, dash, sparse: true, values: xs.map((x) => at.get(x) ?? null) }];
  });
  return { xs, series };
}

/** One line a distance, and one for a run without any; empty where nothing is known. */
export function seriesCsv(rows: readonly SeriesRow[]): string {
  const head = 'choice,state,share_trained,images,distance,error,n,seconds_of_run,end';
  const lines = rows.flatMap((row) => {
    const start = [csvText(row.label), row.state, row.share?.toFixed(4) ?? ''];
    const end = [row.n, row.seconds.toFixed(1)];
    if (row.distances.length === 0) return [[...start, row.images, '', '', ...end, ''].join()];
    const last = endOf(row);
    return row.distances.map((d) =>
      [...start, d.images, d.value, d.error ?? '', ...end, d === last ? 'end' : ''].join(),
    );
  });
  return `${[head, ...lines].join('\n')}\n`;
}
