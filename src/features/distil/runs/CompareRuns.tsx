import { useMemo, useRef, useState } from 'react';
import type { RunDetail, SavedSamples } from '../../../protocol/runs';
import { methodText } from '../../../state/distil/fields';
import { nearestSnapshot } from '../../../state/distil/store';
import { imageName } from '../../../state/models';
import { useApp, useDistil } from '../../../state/react';
import { Curve } from '../../../ui/Curve';
import { formatSmall, formatWhole } from '../../../ui/format';
import { layOut } from '../../../ui/grid-layout';
import { Slider } from '../../../ui/Slider';
import { useSpace } from '../../../ui/use-space';
import { CURVE_SETTINGS, CurveTools } from '../run/CurveTools';
import { REAL_SPREAD } from '../run/curve-series';
import { Plot } from '../run/Plot';
import { SampleGrid } from '../run/SampleGrid';
import { overlay } from './compare-curves';

const SIDES = [
  { letter: 'A', colour: '--cat-1', dash: '--dash-1' },
  { letter: 'B', colour: '--cat-3', dash: '--dash-2' },
] as const;

/** Two runs: the same seeds at the same moment beside each other, and their curves over one axis. */
export default function CompareRuns() {
  const runs = useDistil((s) => s.compared);
  return runs && <Comparison runs={runs} />;
}

function Comparison({ runs }: { runs: readonly [RunDetail, RunDetail] }) {
  const { controller } = useApp();
  const [tools, setTools] = useState(CURVE_SETTINGS);
  const [picked, setPicked] = useState<number | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const data = useMemo(() => overlay(runs, tools.axis, SIDES), [runs, tools.axis]);
  const last = Math.max(...runs.map((run) => run.samples.at(-1)?.images ?? 0));
  const at = picked ?? last;
  const shared = {
    xs: data.xs,
    unit: data.unit,
    smoothing: tools.smoothing,
    at: data.unit === 'images' ? (hovered ?? picked) : hovered,
    onHover: setHovered,
    onPick: (x: number | null) => data.unit === 'images' && setPicked(x),
  };
  return (
    <div className="compare">
      <header className="runs-head">
        <div>
          <h2>Two runs</h2>
          <p className="caption">The same seeds at the same number of images.</p>
        </div>
        <button type="button" className="button" onClick={() => controller.distil.show('runs')}>
          All runs
        </button>
      </header>
      <Slider
        label="Images seen"
        value={at}
        min={0}
        max={Math.max(1, last)}
        step={1}
        ticks={[0, 0.25, 0.5, 0.75, 1].map((share) => ({
          value: share * last,
          label: formatWhole(share * last),
        }))}
        onChange={setPicked}
        reset={{ label: 'Back to the end', changed: at !== last, onReset: () => setPicked(null) }}
      />
      <div className="compare-sides">
        {runs.map((run, i) => (
          <Side key={run.record.about.id} run={run} letter={SIDES[i]!.letter} at={at} />
        ))}
      </div>
      <CurveTools value={tools} onChange={setTools} />
      <div className="compare-curves">
        {data.plots.map(({ title, note, series, real }) => (
          <Plot key={title} title={title} note={note}>
            <Curve
              label={title}
              log={tools.log && title !== 'Logit margin'}
              series={series}
              levels={real ? [REAL_SPREAD] : []}
              {...shared}
            />
          </Plot>
        ))}
      </div>
    </div>
  );
}

function Side({ run, letter, at }: { run: RunDetail; letter: string; at: number }) {
  const { record, samples } = run;
  const { about, config } = record;
  const moment = samples[nearestSnapshot(samples, at)] ?? null;
  return (
    <section aria-label={`${letter}, ${about.name}`}>
      <h3>
        {letter}: {about.name}
      </h3>
      <p className="caption">
        {methodText(config)}, batch {formatWhole(config.batch)}, rates {formatSmall(config.generatorRate)} and{' '}
        {formatSmall(config.discriminatorRate)}, seed {config.seed}
      </p>
      {moment ? (
        <SideImages moment={moment} run={run} />
      ) : (
        <p className="secondary">This run has no samples.</p>
      )}
      {record.notes && <p className="secondary">{record.notes}</p>}
    </section>
  );
}

function SideImages({ moment, run }: { moment: SavedSamples; run: RunDetail }) {
  const { about, request } = run.record;
  const { pixels, resolution, images } = moment;
  const bytes = resolution ** 2 * 4;
  const seeds = request.sampleSeeds;
  const room = useRef<HTMLDivElement>(null);
  const width = useSpace(room)?.width ?? 0;
  const layout = layOut({
    width,
    height: null,
    count: seeds.length,
    resolution,
    gap: 4,
    ratio: devicePixelRatio,
    columns: width < 6 * 64 + 20 ? 4 : 6,
  });
  const source = useMemo(() => {
    const pictures = seeds.map((seed, i) => ({
      pixels: pixels.subarray(i * bytes, (i + 1) * bytes),
      resolution,
      name: `${imageName(about.name, seed, null)}, after ${formatWhole(images)} images`,
    }));
    return { get: (i: number) => pictures[i] ?? null, subscribe: () => () => {} };
  }, [seeds, pixels, bytes, resolution, images, about.name]);
  return (
    <div ref={room}>
      <p className="caption">After {formatWhole(images)} images</p>
      <SampleGrid label={`Samples of ${about.name}`} seeds={seeds} source={source} {...layout} />
    </div>
  );
}
