import { useMemo, useState } from 'react';
import type { CurvePoint } from '../../distil/state';
import type { DistilRunState } from '../../state/distil';
import { Curve, type CurveLevel, type CurveSeries } from '../../ui/Curve';
import { nearestIndex } from '../../ui/curve-data';
import { formatValue, formatWhole } from '../../ui/format';
import { Slider } from '../../ui/Slider';
import type { Moment } from './RunView';

const SMOOTHING = 0.9;

export function Measurements({ run, moment }: { run: DistilRunState; moment: Moment }) {
  const [smoothing, setSmoothing] = useState(SMOOTHING);
  const [log, setLog] = useState(false);
  const { points } = run.history;
  // One list that grows; the version says when.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is one object
  const data = useMemo(() => curves(points, run), [points, run.version, run.plan]);
  const shared = {
    xs: data.xs,
    smoothing,
    at: moment.at,
    unit: 'images',
    onHover: moment.hover,
    onPick: moment.pick,
  };
  if (points.length === 0)
    return (
      <p className="secondary">
        {run.ended ? 'No step was made.' : 'Losses and logits appear here with the first step.'}
      </p>
    );
  return (
    <>
      <div className="curve-tools">
        <Slider
          compact
          label="Smoothing"
          value={smoothing}
          min={0}
          max={0.99}
          step={0.01}
          ticks={[0, 0.25, 0.5, 0.75, 0.9, 0.99].map((value) => ({ value }))}
          onChange={setSmoothing}
          reset={{
            label: `Reset smoothing to ${SMOOTHING}`,
            changed: smoothing !== SMOOTHING,
            onReset: () => setSmoothing(SMOOTHING),
          }}
        />
        <label className="check">
          <input type="checkbox" checked={log} onChange={(event) => setLog(event.currentTarget.checked)} />
          Log axis
        </label>
      </div>
      <Plot title="Losses" note="against images seen">
        <Curve label="Losses" log={log} series={data.losses} {...shared} />
      </Plot>
      {data.logits.length > 0 && (
        <Plot title="Logits" note="above 0 the discriminator says real">
          <Curve label="Logits" series={data.logits} {...shared} />
        </Plot>
      )}
      {run.request.measureImages > 0 && (
        <Plot title="Fréchet distance" note={`on ${formatWhole(run.request.measureImages)} images`}>
          <Curve label="Fréchet distance" log={log} series={data.frechet} levels={data.levels} {...shared} />
        </Plot>
      )}
      <Values points={points} at={moment.at} />
    </>
  );
}

function Plot({ title, note, children }: { title: string; note: string; children: React.ReactNode }) {
  return (
    <div>
      <header className="part">
        <h3>{title}</h3>
        <p className="caption">{note}</p>
      </header>
      {children}
    </div>
  );
}

interface CurveData {
  xs: number[];
  losses: CurveSeries[];
  logits: CurveSeries[];
  frechet: CurveSeries[];
  levels: CurveLevel[];
}

function curves(points: readonly CurvePoint[], { plan, request }: DistilRunState): CurveData {
  const column = (key: keyof CurvePoint) => points.map((p) => p[key] ?? null);
  const generator = { colour: '--cat-1', dash: '--dash-1' };
  const discriminator = { colour: '--cat-3', dash: '--dash-2' };
  const adversarial = request.config.method !== 'imitation';
  return {
    xs: points.map((p) => p.images),
    losses: [
      { name: adversarial ? 'Generator' : 'Difference', values: column('lossG'), ...generator },
      ...(adversarial ? [{ name: 'Discriminator', values: column('lossD'), ...discriminator }] : []),
    ],
    logits: adversarial
      ? [
          { name: 'Real', values: column('logitsReal'), colour: '--cat-4', dash: '--dash-1' },
          { name: 'Student', values: column('logitsFake'), colour: '--cat-1', dash: '--dash-2' },
        ]
      : [],
    frechet: [{ name: 'Student', values: column('frechet'), sparse: true, ...generator }],
    levels: [
      ...(plan?.teacherOneStep != null
        ? [{ name: 'Teacher, 1 step', value: plan.teacherOneStep, colour: '--cat-2', dash: '--dash-2' }]
        : []),
      ...(plan?.floor != null
        ? [{ name: 'Held-out real', value: plan.floor, colour: '--cat-6', dash: '--dash-3' }]
        : []),
    ],
  };
}

/** Numbers of the moment that is looked at. */
function Values({ points, at }: { points: readonly CurvePoint[]; at: number | null }) {
  const index =
    at === null
      ? points.length - 1
      : nearestIndex(
          points.map((p) => p.images),
          at,
        );
  const point = points[index];
  if (!point) return null;
  const before = points.slice(0, index + 1);
  const last = (key: 'r1' | 'spread') => before.findLast((p) => p[key] != null)?.[key] ?? null;
  const values: [string, string | null][] = [
    ['Step', formatWhole(point.iteration)],
    ['Gradient norm G', formatValue(point.gradientNormG)],
    ['R1', text(last('r1'))],
    ['Spread of features', text(last('spread'))],
    ['This step, images/s', formatValue(point.imagesPerSecond)],
  ];
  return (
    <dl className="values">
      {values.map(
        ([term, value]) =>
          value !== null && (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

const text = (value: number | null) => (value === null ? null : formatValue(value));
