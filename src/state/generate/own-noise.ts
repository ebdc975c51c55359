import type { Stroke } from '../../lib/noise-source';
import { currentModel, type Stores } from '../app-state';
import type { Controller } from '../controller';
import { latentsOf } from './latents';
import { type OwnNoise, withOwn } from './points';
import { noiseOf } from './request';
import { seedAt } from './view';

export interface OwnNoiseController {
  /**
   * Takes the latent of a file as the noise of the selected image; says in a sentence what was done, null where the file
   * holds something else. Throws what is wrong with a latent.
   */
  take(file: File): Promise<string | null>;
  /** Paints on the selected image's noise; `extend` puts the last stroke's longer self in its place. */
  paint(stroke: Stroke, extend: boolean): void;
  /** The selected image has the noise of its seed again. */
  reset(): void;
  /** The selected image's noise as a .npy file, and what to call it. */
  save(): Promise<{ blob: Blob; name: string } | null>;
}

/** Noise that a person brings or paints, for the selected image. */
export function createOwnNoise(stores: Stores, client: Pick<Controller, 'latents'>): OwnNoiseController {
  const { view, latents } = stores;
  const current = (): OwnNoise | null => {
    const { own, selected } = view.getState();
    return own.find(({ place }) => place === selected)?.noise ?? null;
  };
  const write = (noise: OwnNoise | null) =>
    view.setState(({ own, selected }) => ({ own: withOwn(own, selected, { noise }) }));

  return {
    async take(file) {
      const model = currentModel(stores);
      if (!model) return null;
      const { channels, resolution } = model;
      const read = await client.latents({ do: 'read', file, shape: { channels, resolution } });
      const values = read?.[0];
      if (!read || !values) return null;
      const key = keyOf(file.name, values);
      const latent = { name: file.name, values, channels, resolution };
      latents.setState((state) => ({ latents: { ...state.latents, [key]: latent } }));
      // A link that was waiting for this very file: its images follow.
      const { own } = view.getState();
      if (own.some(({ noise }) => noise?.latent === key)) view.setState({ own: [...own] });
      else write({ latent: key, strokes: [] });
      const more = read.length > 1 ? `, the first of ${read.length},` : '';
      return `The latent of ${file.name}${more} is the selected image’s noise.`;
    },
    paint(stroke, extend) {
      const { latent = null, strokes = [] } = current() ?? {};
      write({ latent, strokes: [...(extend ? strokes.slice(0, -1) : strokes), stroke] });
    },
    reset: () => write(null),
    async save() {
      const model = currentModel(stores);
      if (!model) return null;
      const { seed, selected } = view.getState();
      const { channels, resolution } = model;
      const own = seedAt(seed, selected);
      const noise = noiseOf(current(), own, model, latentsOf(latents)) ?? { kind: 'seed', seed: own };
      const blob = await client.latents({ do: 'write', noise, shape: { channels, resolution } });
      return { blob, name: `latent-seed-${own}${noise.kind === 'seed' ? '' : `-${noise.kind}`}.npy` };
    },
  };
}

/** Names a latent by its file and its values, so that the same file has the same name at the next visit. */
function keyOf(name: string, values: Float32Array): string {
  let hash = 0x811c9dc5; // FNV-1a over the words
  for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length))
    hash = Math.imul(hash ^ word, 0x01000193);
  return `${name.replace(/[^\w.-]+/g, '-').slice(0, 60)}-${(hash >>> 0).toString(16)}`;
}
