import { Play, VolumeX } from 'lucide-react';
import { type ReactNode, type Ref, useMemo } from 'react';
import { SIGMAS } from '../../lib/noise-levels';
import type { ModelRef } from '../../protocol/models';
import { AS_USUAL } from '../../state/generate/points';
import { sigmaText } from '../../state/layers/summary';
import { GAIN, type LayersView, type Versus } from '../../state/layers/view';
import { formatPath, sweep } from '../../state/path/view';
import { useApp, useView } from '../../state/react';
import { Dock } from '../../ui/Dock';
import { PictureCanvas, type PictureSource } from '../../ui/PictureCanvas';
import type { Ramps } from '../../ui/ramp';
import { Segmented } from '../../ui/Segmented';
import { Slider } from '../../ui/Slider';
import { Channels } from './Channels';
import { Frequencies } from './Frequencies';
import type { Findings, Looks, Maps, Pair, Picture } from './types';
import { useLayers, useLayersController } from './use-layers';
import './Detail.css';

interface Props {
  findings: Findings | null;
  pair: Pair;
  view: LayersView;
  ramps: Ramps;
  /** The heading, where the focus goes from the map. */
  heading: Ref<HTMLHeadingElement>;
}

/** One block at one noise level, closely: what goes in, what comes out, what its channels show, what it is for. */
export function Detail({ findings, pair, view, ramps, heading }: Props) {
  const { looks, awaited } = useLayers((s) => ({ looks: s.looks, awaited: s.awaited }));
  const row = findings?.rows.find((r) => r.name === view.row) ?? null;
  return (
    <aside className="layers-detail" aria-label="Selected layer">
      <header className="part-head">
        <h2 ref={heading} tabIndex={-1}>
          <code>{view.row ?? 'No layer chosen'}</code>
        </h2>
        {row && (
          <span className="caption">
            {row.resolution} × {row.resolution}, {row.channels} channels
          </span>
        )}
      </header>
      <SigmaSlider />
      {row && <GainSlider block={row.block} pair={pair} view={view} />}
      <Pictures looks={looks} awaited={awaited} pair={pair} view={view} />
      {view.row && <VersusChoice view={view} pair={pair} />}
      {looks.maps && view.row && (
        <Channels
          maps={looks.maps}
          versus={looks.versus}
          stale={awaited.has('maps') || awaited.has('versus')}
          nameOf={(maps) => mapsName(maps, pair)}
          view={view}
          ramp={ramps.diverging}
        />
      )}
      {findings && <Frequencies findings={findings} view={view} ramps={ramps} />}
    </aside>
  );
}

const SIGMA_TICKS = [SIGMAS.min, 0.01, 0.1, 1, 10, SIGMAS.max].flatMap((value, i, all) => {
  const next = all[i + 1];
  const decade = [2, 3, 4, 5, 6, 7, 8, 9].map((k) => k * 10 ** Math.floor(Math.log10(value)));
  const between = next === undefined ? [] : decade.filter((v) => v > value && v < next);
  return [{ value, label: String(value) }, ...between.map((v) => ({ value: v }))];
});

function SigmaSlider() {
  const layers = useLayersController();
  const at = useLayers((s) => s.view.at);
  return (
    <Dock>
      <Slider
        log
        label="Sigma"
        value={at}
        min={SIGMAS.min}
        max={SIGMAS.max}
        step={0.02}
        ticks={SIGMA_TICKS}
        valueText={sigmaText(at)}
        format={(v) => String(Number(v.toPrecision(3)))}
        onChange={(value) => layers.set({ at: Number(value.toPrecision(3)) })}
        reset={{
          label: `Reset sigma to ${SIGMAS.max}`,
          changed: at !== SIGMAS.max,
          onReset: () => layers.set({ at: SIGMAS.max }),
        }}
      />
    </Dock>
  );
}

/** Ablation by hand. */
function GainSlider({ block, pair, view }: { block: string; pair: Pair; view: LayersView }) {
  const layers = useLayersController();
  const playGain = usePlayGain(pair);
  const gain = view.gains[block] ?? 1;
  const others = Object.keys(view.gains).filter((name) => name !== block && view.gains[name] !== 1);
  const set = (value: number) => {
    const { [block]: _, ...rest } = view.gains;
    const rounded = Math.round(value * 100) / 100;
    layers.set({ gains: rounded === 1 ? rest : { ...rest, [block]: rounded } });
  };
  if (/_aux_(up|down)$/.test(block))
    return <p className="caption">This one only resamples: it adds nothing that could be scaled.</p>;
  return (
    <div className="gain">
      <Slider
        compact
        label="Block gain"
        value={gain}
        min={GAIN.min}
        max={GAIN.max}
        step={0.05}
        ticks={Array.from({ length: 21 }, (_, i) => {
          const value = i / 10;
          return i % 10 === 0 ? { value, label: String(value) } : { value };
        })}
        valueText={`${gain} times what ${block} adds`}
        format={(v) => v.toFixed(2)}
        onChange={set}
        reset={{ label: 'Reset block gain to 1', changed: gain !== 1, onReset: () => set(1) }}
      />
      <div className="gain-row">
        <button
          type="button"
          className="button"
          onClick={() => set(gain === 0 ? 1 : 0)}
          aria-pressed={gain === 0}
        >
          <VolumeX aria-hidden />
          {gain === 0 ? 'Silenced' : 'Silence block'}
        </button>
        <button
          type="button"
          className="button quiet"
          title="A path in Generate: this image, while the block goes from silent to as trained"
          onClick={() => playGain(block)}
        >
          <Play aria-hidden />
          As a path
        </button>
        {others.length > 0 && (
          <button type="button" className="button quiet" onClick={() => layers.set({ gains: {} })}>
            Reset all {others.length + (gain === 1 ? 0 : 1)}
          </button>
        )}
        <span className="caption">scales what it adds, in both networks below</span>
      </div>
    </div>
  );
}

/** Opens Generate with the image of the seed in view, along which what the block adds goes from nothing to as trained. */
function usePlayGain(pair: Pair): (block: string) => void {
  const { stores } = useApp();
  return (block) => {
    const { seed, classIndex, mix, temperature } = stores.view.getState();
    const stop = { ...AS_USUAL, seed: Math.floor(seed), classIndex, mix, temperature };
    const path = formatPath(sweep(48, { stops: [stop], gain: { block, from: 0, to: 1 } }));
    stores.view.setState({ tab: 'generate', compare: false, model: (pair.student ?? pair.map).key, path });
  };
}

function Pictures({ looks, awaited, pair, view }: ShownLooks & { pair: Pair; view: LayersView }) {
  const seed = useView((v) => Math.floor(v.seed));
  const sigma = sigmaText(view.at);
  const teacher = pair.student ? 'Teacher' : 'Network';
  const one = pair.student ? 'Student' : 'Same network';
  // A picture's name says what it is of, also while the next one is made.
  const named = (slot: 'input' | 'denoised' | 'oneStep', name: (sigma: string) => string) => {
    const of = looks[slot]?.of;
    const gained = Object.keys(of?.gains ?? {}).length > 0 ? ', block gain applied' : '';
    const shot = `${name(of ? sigmaText(of.sigma) : sigma)}, seed ${of?.seed ?? seed}${gained}`;
    return { picture: looks[slot], awaited: awaited.has(slot), name: shot };
  };
  return (
    <div className="pictures">
      <Shot {...named('input', (at) => `Input at sigma ${at}`)}>Input, sigma {sigma}</Shot>
      <Shot
        {...named('denoised', (at) => `${pair.map.name}, denoised at sigma ${at}`)}
        tone={pair.student ? 'is-teacher' : undefined}
      >
        {teacher}, sigma {sigma}
      </Shot>
      <Shot
        {...named('oneStep', (at) => `${(pair.student ?? pair.map).name}, one step from sigma ${at}`)}
        tone={pair.student ? 'is-student' : undefined}
      >
        {one}, one step
      </Shot>
    </div>
  );
}

export interface ShownLooks {
  looks: Looks;
  /** The looks that do not show the present settings. */
  awaited: ReadonlySet<keyof Looks>;
}

interface ShotProps {
  picture: Picture | null;
  /** It is not, or not yet, of the present settings. */
  awaited: boolean;
  name: string;
  tone?: string | undefined;
  size?: number;
  children: ReactNode;
}

/** CSS pixels: a whole multiple of the shipped networks' 32 and 64. */
const SHOT = 128;

export function Shot({ picture, awaited, name, tone, size = SHOT, children }: ShotProps) {
  const source = useMemo<PictureSource>(() => {
    const shown = picture && { pixels: picture.pixels, resolution: picture.resolution, name };
    return { get: () => shown, subscribe: () => () => {} };
  }, [picture, name]);
  return (
    <figure className={awaited ? 'shot awaited' : 'shot'} aria-busy={awaited}>
      <PictureCanvas source={source} index={0} size={size} />
      <figcaption className={tone}>{children}</figcaption>
    </figure>
  );
}

function VersusChoice({ view, pair }: { view: LayersView; pair: Pair }) {
  const layers = useLayersController();
  const options: { value: Versus; label: string; title: string }[] = [
    { value: 'none', label: 'Alone', title: 'One set of feature maps' },
    { value: 'sigma', label: 'Other sigma', title: 'The same layer at a second sigma' },
    ...(pair.student
      ? [
          {
            value: 'student' as const,
            label: `Student at ${sigmaText(pair.student.sigma)}`,
            title: 'The same layer of the student',
          },
        ]
      : []),
  ];
  return (
    <div className="against">
      <div className="field">
        <span>Compare with</span>
        <Segmented
          label="Compare feature maps with"
          value={view.versus}
          options={options}
          onChange={(versus) => layers.set({ versus })}
        />
      </div>
      {view.versus === 'sigma' && (
        <Slider
          compact
          log
          label="Other sigma"
          value={view.versusAt}
          min={SIGMAS.min}
          max={SIGMAS.max}
          step={0.02}
          ticks={SIGMA_TICKS}
          valueText={sigmaText(view.versusAt)}
          format={(v) => String(Number(v.toPrecision(3)))}
          onChange={(value) => layers.set({ versusAt: Number(value.toPrecision(3)) })}
          reset={{
            label: `Reset the other sigma to ${SIGMAS.max}`,
            changed: view.versusAt !== SIGMAS.max,
            onReset: () => layers.set({ versusAt: SIGMAS.max }),
          }}
        />
      )}
    </div>
  );
}

/** What feature maps are of: "Teacher at sigma 19". */
function mapsName({ of }: Maps, pair: Pair): string {
  const student = pair.student && sameModel(of.model, pair.student.ref);
  const name = pair.student ? (student ? 'Student' : 'Teacher') : pair.map.name;
  return `${name} at sigma ${sigmaText(of.sigma)}`;
}

const sameModel = (a: ModelRef, b: ModelRef): boolean => JSON.stringify(a) === JSON.stringify(b);
