import { ChartLine, Download } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { counted, sentence } from '../../../lib/words';
import type { RunDistances } from '../../../protocol/run-distances';
import type { DistilRunState } from '../../../state/distil/store';
import { useMoments } from '../../../state/moments/use-moments';
import { useApp } from '../../../state/react';
import { Curve } from '../../../ui/Curve';
import { formatDuration, formatValue, formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { ProgressLine } from '../../../ui/ProgressLine';
import { saveBlob } from '../../../ui/save-blob';
import type { Moment } from '../run/moment';
import { Plot } from '../run/Plot';
import { distanceCurve, distancesCsv, labelOf, SHORT_NAMES } from './distances';
import { MeasureForm } from './MeasureForm';
import './moments.css';

interface Props {
  run: DistilRunState;
  moment: Moment;
}

/** The kept students of a run that is over, measured one after the other: the distance over training. */
export default function MomentDistances({ run, moment }: Props) {
  const measuring = useMoments();
  const [open, setOpen] = useState(false);
  const { work, error } = useStore(measuring.store);
  useEffect(() => void measuring.look(), [measuring]);
  const { id, name } = run.about;
  const mine = work?.run === id;
  const { distances } = run;
  return (
    <section className="moments" aria-label="Distances of its snapshots">
      <div className="moments-head">
        {mine ? (
          <Progress />
        ) : (
          <button
            type="button"
            className="button"
            aria-expanded={open}
            disabled={work !== null}
            title={work ? 'Another run is being measured' : undefined}
            onClick={() => setOpen(!open)}
          >
            <ChartLine aria-hidden />
            Measure its snapshots
          </button>
        )}
        {distances.length > 0 && !mine && <Exports run={run} />}
      </div>
      {open && !mine && (
        <MeasureForm
          distances={distances}
          onStart={(how) => {
            setOpen(false);
            void measuring.start({ id, name }, how);
          }}
        />
      )}
      {error?.run === id && <Note tone="error">{error.line}</Note>}
      {distances.map((one) => (
        <Distances key={`${one.features} ${one.n}`} run={id} distances={one} moment={moment} />
      ))}
    </section>
  );
}

function Progress() {
  const measuring = useMoments();
  const progress = useStore(measuring.store, (s) => s.work?.progress ?? null);
  const left = useStore(
    useApp().stores.steps,
    (s) => s.steps.find(({ key }) => key === 'measuring-moments')?.progress?.left ?? null,
  );
  const total = progress?.total ?? 0;
  const facts = [
    progress?.unit === 'images' && total > 0
      ? `${formatWhole(progress.done)} of ${counted(total, 'image')}`
      : null,
    left === null ? null : `${formatDuration(left)} left`,
  ];
  return (
    <ProgressLine
      what={progress ? sentence(progress.what) : 'Preparing'}
      detail={facts.filter((fact) => fact !== null).join(', ')}
      value={progress && total > 0 ? progress.done / total : null}
      cancel={{ word: 'Pause', label: 'Pause measuring its snapshots' }}
      onCancel={() => measuring.pause()}
    />
  );
}

function Exports({ run: { about, distances } }: Pick<Props, 'run'>) {
  const { announce } = useApp();
  const stem = `${about.name} distances`.toLowerCase().replace(/[^\w.-]+/g, '-');
  const save = (format: 'csv' | 'json') => {
    const text =
      format === 'csv'
        ? distancesCsv(distances)
        : `${JSON.stringify({ run: about.name, teacher: about.teacherName, data: about.dataName, distances }, null, 2)}\n`;
    const type = format === 'csv' ? 'text/csv' : 'application/json';
    saveBlob(new Blob([text], { type }), `${stem}.${format}`);
    announce(`${stem}.${format} saved`);
  };
  return (
    <span className="moments-exports">
      {(['csv', 'json'] as const).map((format) => (
        <button
          key={format}
          type="button"
          className="button"
          aria-label={`Save the distances as ${format}`}
          onClick={() => save(format)}
        >
          <Download aria-hidden />
          {format}
        </button>
      ))}
    </span>
  );
}

interface DistancesProps {
  run: string;
  distances: RunDistances;
  moment: Moment;
}

function Distances({ run, distances, moment }: DistancesProps) {
  const measuring = useMoments();
  const { xs, series, levels } = useMemo(() => distanceCurve(distances), [distances]);
  const { words, n, reference, features, moments } = distances;
  const title = `${labelOf(distances)} of its snapshots`;
  const label = `${title}, ${SHORT_NAMES[features]}, n ${formatWhole(n)}`;
  return (
    <div>
      <Plot
        title={`${title}, n ${formatWhole(n)}`}
        note={`${words}; against ${reference}. Bars are the standard error. Lower is better`}
      >
        <Curve
          label={label}
          xs={xs}
          unit="images"
          series={series}
          levels={levels}
          smoothing={0}
          at={moment.at}
          onHover={moment.hover}
          onPick={moment.pick}
        />
      </Plot>
      <details className="moments-values">
        <summary>Values</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Images seen</th>
              <th scope="col">{labelOf(distances)}</th>
              <th scope="col">Standard error</th>
            </tr>
          </thead>
          <tbody>
            {moments.map(({ images, value, error }) => (
              <tr key={images}>
                <th scope="row">{formatWhole(images)}</th>
                <td>{formatValue(value)}</td>
                <td>{error === null ? 'too few images' : formatValue(error)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <button
          type="button"
          className="button quiet"
          aria-label={`Remove ${label}`}
          onClick={() => void measuring.drop(run, distances)}
        >
          Remove
        </button>
      </details>
    </div>
  );
}
