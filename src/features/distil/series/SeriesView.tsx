import { useMemo, useState } from 'react';
import { isOver, runningOf } from '../../../state/distil/series/series';
import { secondsLeft } from '../../../state/distil/store';
import { useApp, useDistil, useSeries } from '../../../state/react';
import { Curve } from '../../../ui/Curve';
import { formatDuration, formatValue, formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { rasterise } from '../../../ui/rasterise';
import { ClaimPicture } from '../claim/ClaimPicture';
import { Formats } from '../Formats';
import { Plot } from '../run/Plot';
import { StillImage } from '../run/StillImage';
import { GoOn } from './GoOn';
import { Scatter } from './Scatter';
import { seriesFigure } from './series-figure';
import { distanceCurves, endOf, lineOf, type SeriesRow, seriesCsv, seriesRows } from './series-rows';
import './series.css';

/** Runs that differ in one choice: a table, their distances over images and by the share that trains. */
export default function SeriesView() {
  const { controller } = useApp();
  const { series, shown, details, error } = useSeries((s) => ({
    series: s.series,
    shown: s.shown ?? s.series?.id ?? null,
    details: s.details,
    error: s.error,
  }));
  // `version` of the run says that its history has grown.
  const { run } = useDistil((s) => ({ run: s.run }));
  if (!shown) return <p className="runs secondary">There is no series yet.</p>;
  const current = series?.id === shown ? series : null;
  const rows = seriesRows(shown, series, details, run);
  const name = current?.name ?? details[0]?.record.about.series?.name ?? 'Series';
  const about = run?.about.series?.id === shown ? run.about : details[0]?.record.about;
  return (
    <div className="series-view">
      <header className="runs-head">
        <div>
          <h2>{name}</h2>
          <p className="caption">
            {about ? `${about.teacherName}, ${about.dataName}; ` : ''}the same start, images, seeds and budget
            for all.
          </p>
        </div>
        <Exports name={name} rows={rows} />
        <button type="button" className="button" onClick={() => controller.distil.show('runs')}>
          All runs
        </button>
        <button type="button" className="button" onClick={() => controller.distil.show('setup')}>
          Set up
        </button>
      </header>
      {current && <Progress rows={rows} />}
      {error && <Note tone="error">{error}</Note>}
      <ClaimPicture />
      <Table rows={rows} />
      <Plots rows={rows} />
    </div>
  );
}

/** Where the series is, and what a person can do about it. */
function Progress({ rows }: { rows: readonly SeriesRow[] }) {
  const { controller } = useApp();
  const series = useSeries((s) => s.series);
  const run = useDistil((s) => s.run);
  if (!series || isOver(series)) return null;
  const running = runningOf(series);
  const index = running
    ? series.runs.indexOf(running)
    : series.runs.findIndex(({ state }) => state === 'waiting');
  const row = rows[index];
  const left = run && row?.id === run.about.id ? secondsLeft(run) : null;
  const waits = series.held !== null;
  return (
    <div className="series-progress">
      <p role="status">
        <strong>
          {waits ? 'Interrupted at' : 'Run'} {index + 1} of {series.runs.length}, {row?.label}
        </strong>{' '}
        <span className="secondary">
          {waits
            ? `${series.held} What is made stays.`
            : run?.phase === 'preparing'
              ? (run.preparing?.what ?? 'preparing')
              : `${formatWhole(row?.images ?? 0)} of ${formatWhole(row?.of ?? 0)} images${left === null ? '' : `, ${formatDuration(left)} left of this run`}`}
        </span>
      </p>
      {waits && <GoOn />}
      {!waits && run && !run.ended && (
        <>
          <button type="button" className="button" onClick={() => controller.distil.show('run')}>
            Show the run
          </button>
          <button
            type="button"
            className="button"
            disabled={run.asked === 'stop'}
            title="Ends this run; the next one follows"
            onClick={() => controller.distil.control('stop')}
          >
            Stop this run
          </button>
        </>
      )}
      <button type="button" className="button" onClick={() => controller.distil.cancelSeries()}>
        Cancel the series
      </button>
    </div>
  );
}

function Exports({ name, rows }: { name: string; rows: readonly SeriesRow[] }) {
  const figure = () => seriesFigure(name, noteOf(rows), rows);
  return (
    <Formats
      name={name}
      formats={['csv', 'svg', 'png']}
      label={(format) => (format === 'csv' ? 'Save the table as csv' : `Save the figure as ${format}`)}
      make={(format) =>
        format === 'csv'
          ? new Blob([seriesCsv(rows)], { type: 'text/csv' })
          : format === 'svg'
            ? new Blob([figure().text], { type: 'image/svg+xml' })
            : rasterise(figure())
      }
    />
  );
}

/** "EfficientNet-Lite0 features, n 128" */
function noteOf(rows: readonly SeriesRow[]): string {
  const row = rows.find(({ plan }) => plan !== null);
  return row?.plan ? `${row.plan.features}, n ${formatWhole(row.n)}` : '';
}

function Table({ rows }: { rows: readonly SeriesRow[] }) {
  const { controller } = useApp();
  return (
    <div className="series-table-room">
      <table className="series-table">
        <caption className="hidden-text">What each choice trains and comes to</caption>
        <thead>
          <tr>
            <th scope="col">Choice</th>
            <th scope="col" className="series-number">
              Trains
            </th>
            <th scope="col" className="series-number">
              Distance at the end
            </th>
            <th scope="col" className="series-number">
              Images
            </th>
            <th scope="col" className="series-number">
              Time
            </th>
            <th scope="col">Samples</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={row.id}>
              <th scope="row">
                <LineKey index={i} />
                <span>
                  {row.label}
                  <StateText row={row} />
                </span>
              </th>
              <td className="series-number" data-label="Trains">
                {row.share === null ? '–' : `${(100 * row.share).toFixed(1)} %`}
              </td>
              <td className="series-number" data-label="Distance">
                {distanceText(row)}
              </td>
              <td className="series-number" data-label="Images">
                {formatWhole(row.images)}
              </td>
              <td className="series-number" data-label="Time">
                {row.seconds > 0 ? formatDuration(row.seconds) : '–'}
              </td>
              <td>
                {row.samples ? (
                  <button
                    type="button"
                    className="series-samples"
                    aria-label={`Open the run ${row.label}`}
                    title="Open this run"
                    onClick={() => void controller.distil.openRun(row.id)}
                  >
                    <StillImage
                      samples={row.samples}
                      count={6}
                      size={row.samples.resolution > 32 ? 64 : 32}
                    />
                  </button>
                ) : (
                  <span className="caption">none yet</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LineKey({ index }: { index: number }) {
  const { colour, dash } = lineOf(index);
  return (
    <svg className="series-key" viewBox="0 0 22 8" aria-hidden="true">
      <line
        x1="0"
        x2="22"
        y1="4"
        y2="4"
        style={{ stroke: `var(${colour})`, strokeDasharray: `var(${dash})`, strokeWidth: 2 }}
      />
    </svg>
  );
}

function StateText({ row: { state, error } }: { row: SeriesRow }) {
  if (state === 'finished') return null;
  const text = {
    waiting: 'waiting',
    running: 'under way',
    stopped: 'stopped',
    failed: 'failed',
    'left out': 'left out',
  };
  return <span className="caption">{state === 'failed' && error ? error : text[state]}</span>;
}

function distanceText(row: SeriesRow): string {
  const end = endOf(row);
  if (!end) return '–';
  const error = end.error === null ? '' : ` ± ${formatValue(end.error)}`;
  const at = row.state === 'finished' ? '' : ` at ${formatWhole(end.images)}`;
  return `${formatValue(end.value)}${error}${at}`;
}

function Plots({ rows }: { rows: readonly SeriesRow[] }) {
  const [hovered, setHovered] = useState<number | null>(null);
  const [picked, setPicked] = useState<number | null>(null);
  const { xs, series } = useMemo(() => distanceCurves(rows), [rows]);
  const floor = rows.find(({ plan }) => plan?.floor != null)?.plan?.floor;
  if (series.length === 0) return <p className="caption">The plots begin with the first distance.</p>;
  return (
    <div className="series-plots">
      <Plot title="Distance over images" note={noteOf(rows)}>
        <Curve
          label="Fréchet distance"
          xs={xs}
          unit="images"
          series={series}
          levels={
            floor == null ? [] : [{ name: 'Real images', value: floor, colour: '--ink-3', dash: '--dash-4' }]
          }
          smoothing={0}
          log
          at={hovered ?? picked}
          onHover={setHovered}
          onPick={setPicked}
        />
      </Plot>
      <Plot title="Distance by share that trains" note="with its error">
        <Scatter rows={rows} />
      </Plot>
    </div>
  );
}
