import { useMemo, useState } from 'react';
import { isAdversarial } from '../../../distil/config';
import type { CurvePoint } from '../../../distil/curve';
import { distancesDue } from '../../../distil/schedule';
import type { DistilRunState } from '../../../state/distil/store';
import { useCatalogue } from '../../../state/react';
import { Curve } from '../../../ui/Curve';
import { nearestIndex } from '../../../ui/curve-data';
import { formatBytes, formatValue, formatWhole } from '../../../ui/format';
import { CURVE_SETTINGS, CurveTools } from './CurveTools';
import { type Abscissa, abscissa, REAL_SPREAD, runCurves } from './curve-series';
import { latencyText, useInputLatency } from './input-latency';
import type { Moment } from './moment';
import { Plot } from './Plot';

export function Measurements({ run, moment }: { run: DistilRunState; moment: Moment }) {
  const [tools, setTools] = useState(CURVE_SETTINGS);
  const { points } = run.history;
  const { method, batch, nfe } = run.config;
  const adversarial = isAdversarial(method);
  // One list that grows; the version says when.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is one object
  const data = useMemo(
    () => ({ ...abscissa(points, tools.axis, batch), ...runCurves(points, run.plan, adversarial, nfe) }),
    [points, run.version, run.plan, tools.axis, batch],
  );
  if (points.length === 0)
    return (
      <p className="secondary">
        {run.ended ? 'No step was made.' : 'Losses and logits appear here with the first step.'}
      </p>
    );
  const { unit } = data;
  const shared = { smoothing: tools.smoothing, ...sharedMoment(data, points, moment) };
  const against = unit === 'images' ? 'against images seen' : `against ${unit} of steps`;
  return (
    <>
      <CurveTools value={tools} onChange={setTools} />
      {run.request.measureImages > 0 && (
        <Plot title="Fréchet distance" note={distanceNote(run)}>
          {points.every((p) => p.frechet === undefined) ? (
            <p className="secondary">{firstDistance(run)}</p>
          ) : (
            <Curve
              label="Fréchet distance"
              log={tools.log}
              series={data.frechet}
              levels={data.levels}
              {...shared}
            />
          )}
          <TeacherLevel run={run} />
        </Plot>
      )}
      <Plot title="Losses" note={against}>
        <Curve label="Losses" log={tools.log} series={data.losses} {...shared} />
      </Plot>
      {data.logits.length > 0 && (
        <Plot title="Logits" note="above 0 the discriminator says real">
          <Curve label="Logits" series={data.logits} {...shared} />
        </Plot>
      )}
      {points.some((p) => p.sampleSpread !== undefined) && (
        <Plot title="Spread of the samples" note="how much they differ; real images are 1, a collapse is 0">
          <Curve
            label="Spread of the samples"
            log={tools.log}
            series={data.spread}
            levels={[REAL_SPREAD]}
            {...shared}
          />
        </Plot>
      )}
      <details className="more-curves">
        <summary>Gradient norms</summary>
        <Curve label="Gradient norms" log={tools.log} series={data.gradients} {...shared} />
      </details>
      <Values run={run} at={moment.at} />
    </>
  );
}

/** The moment in the unit of the curves' x, for all of them: a moment is counted in images. */
function sharedMoment({ xs, unit }: Abscissa, points: readonly CurvePoint[], moment: Moment) {
  const counted = unit === 'images';
  const toImages = (x: number | null) =>
    x === null || counted ? x : (points[nearestIndex(xs, x)]?.images ?? null);
  return {
    xs,
    unit,
    at: moment.at === null || counted ? moment.at : (xs[indexOf(points, moment.at)] ?? null),
    onHover: (x: number | null) => moment.hover(toImages(x)),
    onPick: (x: number | null) => moment.pick(toImages(x)),
  };
}

/** The step after which about so many images had been seen. */
const indexOf = (points: readonly CurvePoint[], images: number): number =>
  nearestIndex(
    points.map((p) => p.images),
    images,
  );

/** When there will be something to draw. */
function firstDistance({ config, request, ended }: DistilRunState): string {
  if (ended) return 'No distance was measured.';
  let images = 0;
  do images += config.batch;
  while (images < config.images && distancesDue(0, images, request.measureEvery, config.images) === 0);
  return `The first one is measured after ${formatWhole(images)} images.`;
}

const distanceNote = ({ plan, request }: DistilRunState): string =>
  `${plan?.features ?? ''}; n ${formatWhole(request.measureImages)}${plan?.reference ? ` against ${plan.reference}` : ''}. Lower is better`;

/** The teacher at its many steps, as it was measured beforehand: on the same features, on another number of images. */
function TeacherLevel({ run }: { run: DistilRunState }) {
  const quality = useCatalogue()
    ?.models.find((m) => m.id === run.about.teacherKey)
    ?.quality.find((q) => q.sampler === 'heun' && q.features === run.plan?.features);
  if (!quality) return null;
  return (
    <p className="caption">
      The teacher with {quality.nfe} evaluations an image: {quality.value}, measured beforehand with n{' '}
      {formatWhole(quality.n)} against {quality.reference}.
    </p>
  );
}

/** Numbers of the moment that is looked at. */
function Values({ run, at }: { run: DistilRunState; at: number | null }) {
  const latency = useInputLatency(!run.ended);
  const { points } = run.history;
  const index = at === null ? points.length - 1 : indexOf(points, at);
  const point = points[index];
  if (!point) return null;
  const before = points.slice(0, index + 1);
  const last = (key: 'r1' | 'spread') => before.findLast((p) => p[key] != null)?.[key] ?? null;
  const values: [string, string | null][] = [
    ['Step', formatWhole(point.iteration)],
    ['Gradient norm G', text(point.gradientNormG)],
    ['Gradient norm D', text(point.gradientNormD)],
    ['R1', text(last('r1'))],
    ['Spread of features', text(last('spread'))],
    ['This step, images/s', formatValue(point.imagesPerSecond)],
    ['Memory between steps', run.memoryBytes === null ? null : formatBytes(run.memoryBytes)],
    ['Memory within a step', run.peakBytes === null ? null : `up to ${formatBytes(run.peakBytes)}`],
    ['Input latency', run.ended ? null : latencyText(latency)],
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

const text = (value: CurvePoint['r1']) => (value === null ? null : formatValue(value));
