import { ChartLine } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { counted, sentence } from '../../../lib/words';
import type { RunDistances } from '../../../protocol/run-distances';
import { missingImages } from '../../../protocol/runs';
import type { DistilRunState } from '../../../state/distil/store';
import { useMeasuring } from '../../../state/measure/use-measuring';
import { MOMENTS_KEY } from '../../../state/moments/controller';
import { useMoments } from '../../../state/moments/use-moments';
import { useDistil, useStepProgress } from '../../../state/react';
import { Curve } from '../../../ui/Curve';
import { formatDuration, formatValue, formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { ProgressLine } from '../../../ui/ProgressLine';
import { Formats } from '../Formats';
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
  const measure = useMeasuring();
  const [open, setOpen] = useState(false);
  const { work, error } = useStore(measuring.store);
  // Inception's file may be here.
  useEffect(() => void measure.files({ do: 'list' }), [measure]);
  const { id, name } = run.about;
  const saved = useDistil((s) => s.runs?.find(({ record }) => record.about.id === id));
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
          wantsImages={saved !== undefined && missingImages(saved.record) !== null}
          onStart={(how, files) => {
            setOpen(false);
            void measuring.start({ id, name }, how, files);
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
  const progress = useStepProgress(MOMENTS_KEY);
  const { what, done = 0, total, unit, left = null } = progress ?? {};
  const facts = [
    unit === 'images' && total ? `${formatWhole(done)} of ${counted(total, 'image')}` : null,
    left === null ? null : `${formatDuration(left)} left`,
  ];
  return (
    <ProgressLine
      what={what ? sentence(what) : 'Preparing'}
      detail={facts.filter((fact) => fact !== null).join(', ')}
      value={total ? done / total : null}
      cancel={{ word: 'Pause', label: 'Pause measuring its snapshots' }}
      onCancel={() => measuring.pause()}
    />
  );
}

function Exports({ run: { about, distances } }: Pick<Props, 'run'>) {
  const { name, teacherName: teacher, dataName: data } = about;
  return (
    <Formats
      name={`${name} distances`}
      formats={['csv', 'json']}
      label={(format) => `Save the distances as ${format}`}
      make={(format) =>
        format === 'csv'
          ? new Blob([distancesCsv(distances)], { type: 'text/csv' })
          : new Blob([`${JSON.stringify({ run: name, teacher, data, distances }, null, 2)}\n`], {
              type: 'application/json',
            })
      }
    />
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
