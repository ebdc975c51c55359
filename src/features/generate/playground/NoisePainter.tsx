import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import type { Stroke } from '../../../lib/noise-source';
import { sourceNoise } from '../../../rng/noise-source';
import { fail } from '../../../state/engine';
import { latentsOf } from '../../../state/generate/latents';
import { createOwnNoise, type OwnNoiseController } from '../../../state/generate/own-noise';
import { noiseOf } from '../../../state/generate/request';
import { seedAt } from '../../../state/generate/view';
import type { ModelFacts } from '../../../state/models';
import { useApp, useModel, useView } from '../../../state/react';
import { PictureCanvas } from '../../../ui/PictureCanvas';
import { Slider } from '../../../ui/Slider';
import { saveBlob } from '../../../ui/save-blob';
import { useHero } from '../Hero';
import './noise.css';

/** Each stroke brings noise of a seed of its own. */
const newSeed = () => Math.floor(Math.random() * 1_000_000);

/** What is done to the selected image's noise. */
function useOwnNoise(): OwnNoiseController {
  const { controller, stores } = useApp();
  return useMemo(() => createOwnNoise(stores, controller), [stores, controller]);
}

export default function NoisePainter({ mine }: { mine: boolean }) {
  const { announce, stores } = useApp();
  const noise = useOwnNoise();
  const model = useModel();
  const [radius, setRadius] = useState<number | null>(null);
  const [strength, setStrength] = useState(1);
  if (!model) return null;
  const brush = radius ?? Math.max(2, Math.round(model.resolution / 8));
  const open = async (file: File | undefined) => {
    if (!file) return;
    try {
      announce((await noise.take(file)) ?? `There is no latent in ${file.name}.`);
    } catch (error) {
      fail(stores.engine, 'page', error);
    }
  };
  const save = async () => {
    const saved = await noise.save();
    if (saved) saveBlob(saved.blob, saved.name);
  };
  return (
    <div className="noise">
      <NoisePicture model={model} radius={brush} strength={strength} />
      <p className="caption">
        Paint other noise in, or drop a latent (.npy, .npz, .safetensors). With keys: arrows move the brush,
        Space paints.
      </p>
      <Slider
        compact
        label="Brush"
        value={brush}
        min={1}
        max={Math.max(2, model.resolution / 2)}
        step={1}
        ticks={[]}
        valueText={`${brush} pixels`}
        onChange={setRadius}
        reset={{ label: 'Reset the brush', changed: radius !== null, onReset: () => setRadius(null) }}
      />
      <Slider
        compact
        label="Strength"
        value={strength}
        min={0.05}
        max={1}
        step={0.05}
        ticks={[]}
        onChange={(value) => setStrength(Math.round(value * 100) / 100)}
        reset={{ label: 'Reset strength to 1', changed: strength !== 1, onReset: () => setStrength(1) }}
      />
      <div className="own-actions">
        <label className="link noise-open">
          Open a latent
          <input
            type="file"
            className="hidden-text"
            accept=".npy,.npz,.safetensors"
            onChange={(event) => {
              void open(event.currentTarget.files?.[0]);
              event.currentTarget.value = '';
            }}
          />
        </label>
        <button type="button" className="link" onClick={() => void save()}>
          Save as .npy
        </button>
        {mine && (
          <button type="button" className="link" onClick={noise.reset}>
            Back to the seed’s
          </button>
        )}
      </div>
    </div>
  );
}

interface PictureProps {
  model: ModelFacts;
  radius: number;
  strength: number;
}

/** The noise as a picture, under a brush. */
function NoisePicture({ model, radius, strength }: PictureProps) {
  const { stores } = useApp();
  const noise = useOwnNoise();
  const { resolution, channels } = model;
  const seed = useView((v) => seedAt(v.seed, v.selected));
  const own = useView((v) => v.own.find(({ place }) => place === v.selected)?.noise ?? null);
  const known = useStore(stores.latents);
  const [at, setAt] = useState<[number, number]>([resolution >> 1, resolution >> 1]);
  const stroke = useRef<Stroke | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `known` is what latentsOf reads
  const source = useMemo(() => {
    const shown = noiseOf(own, seed, model, latentsOf(stores.latents)) ?? { kind: 'seed' as const, seed };
    const pixels = pictureOf(sourceNoise(shown, { channels, resolution }), channels, resolution);
    const picture = { pixels, resolution, name: null };
    return { get: () => picture, subscribe: () => () => {} };
  }, [own, seed, model.key, channels, resolution, known]);
  const { room, shown: scale } = useHero(resolution);

  const begin = (points: number[]) => {
    stroke.current = { seed: newSeed(), radius, strength, points };
    noise.paint(stroke.current, false);
  };
  const extend = (x: number, y: number) => {
    const { current } = stroke;
    if (!current) return;
    const [lastX, lastY] = current.points.slice(-2) as [number, number];
    if (Math.hypot(x - lastX, y - lastY) < Math.max(1, radius / 2)) return;
    stroke.current = { ...current, points: [...current.points, x, y] };
    noise.paint(stroke.current, true);
  };
  const place = (event: PointerEvent<HTMLElement>): [number, number] => {
    const box = event.currentTarget.getBoundingClientRect();
    const inside = (v: number) => Math.min(resolution - 1, Math.max(0, Math.floor(v / scale)));
    return [inside(event.clientX - box.left), inside(event.clientY - box.top)];
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 4 : 1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
      event.key
    ];
    if (!by && event.key !== ' ') return;
    event.preventDefault();
    if (!by) return begin([...at]);
    const inside = (v: number) => Math.min(resolution - 1, Math.max(0, v));
    setAt(([x, y]) => [inside(x + by[0]!), inside(y + by[1]!)]);
  };
  return (
    <div ref={room}>
      <div
        className="noise-picture"
        role="application"
        aria-label="Noise: arrows move the brush, Space paints"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a surface to paint on takes keys
        tabIndex={0}
        style={{ inlineSize: resolution * scale, blockSize: resolution * scale }}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          const [x, y] = place(event);
          setAt([x, y]);
          begin([x, y]);
        }}
        onPointerMove={(event) => {
          const [x, y] = place(event);
          setAt([x, y]);
          extend(x, y);
        }}
        onPointerUp={() => {
          stroke.current = null;
        }}
        onPointerCancel={() => {
          stroke.current = null;
        }}
      >
        <PictureCanvas source={source} index={0} size={resolution * scale} decorative />
        <span
          className="noise-brush"
          aria-hidden
          style={{
            inlineSize: 2 * radius * scale,
            blockSize: 2 * radius * scale,
            insetInlineStart: (at[0] + 0.5 - radius) * scale,
            insetBlockStart: (at[1] + 0.5 - radius) * scale,
          }}
        />
      </div>
    </div>
  );
}

/** Noise [C, R, R] as RGBA: grey is 0, black and white are two and a half deviations away. */
function pictureOf(
  noise: Float32Array,
  channels: number,
  resolution: number,
): Uint8ClampedArray<ArrayBuffer> {
  const size = resolution ** 2;
  const pixels = new Uint8ClampedArray(4 * size).fill(255);
  for (let p = 0; p < size; p++)
    for (let c = 0; c < 3; c++) pixels[4 * p + c] = 128 + 51 * noise[(channels < 3 ? 0 : c) * size + p]!;
  return pixels;
}
