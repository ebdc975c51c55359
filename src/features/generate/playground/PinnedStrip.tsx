import { Play, X } from 'lucide-react';
import { useMemo } from 'react';
import { useStore } from 'zustand';
import { classWords } from '../../../state/generate/images';
import { pinPictureKey } from '../../../state/generate/pin-pictures';
import { formatPin, type Pin } from '../../../state/generate/points';
import type { ModelFacts } from '../../../state/models';
import { useAction, useApp, useModel, usePrefs, useView } from '../../../state/react';
import { formatNumber } from '../../../ui/format';
import { PictureCanvas, type PictureSource } from '../../../ui/PictureCanvas';
import './strips.css';
import { thumbnailSize, tileStyle } from './thumbnail';

/** The pinned images, drawn by the model in use. */
export default function PinnedStrip() {
  const model = useModel();
  const pins = useView((v) => v.pins);
  const smooth = usePrefs((p) => p.smooth);
  if (!model) return null;
  return (
    <section className={smooth ? 'strip smooth' : 'strip'} aria-label="Pinned">
      <div className="strip-head">
        <h2>Pinned</h2>
        <PlayPath />
      </div>
      <ul>
        {pins.map((pin) => (
          <PinTile key={formatPin(pin)} pin={pin} model={model} />
        ))}
      </ul>
    </section>
  );
}

/** Opens the path through the pins and plays it, where there is no path of pins yet. */
function PlayPath() {
  const { obstacle, perform } = useAction('path-play');
  const playing = useView((v) => v.path !== '');
  if (playing || obstacle !== null) return null;
  return (
    <button type="button" className="button quiet" onClick={perform}>
      <Play aria-hidden />
      Play a path
    </button>
  );
}

function PinTile({ pin, model }: { pin: Pin; model: ModelFacts }) {
  const { controller, stores } = useApp();
  const key = pinPictureKey(model.key, pin);
  const source = useMemo<PictureSource>(
    () => ({
      get: () => stores.pinned.getState().pictures[key] ?? null,
      subscribe: (listener) => stores.pinned.subscribe(listener),
    }),
    [stores.pinned, key],
  );
  const made = useStore(stores.pinned, (s) => s.pictures[key]);
  const size = thumbnailSize(made?.resolution ?? model.resolution);
  const words = pinWords(pin, model);
  return (
    <li style={tileStyle(size)}>
      <PictureCanvas source={source} index={0} size={size} />
      <span className="caption">
        {pin.seed < 1e4 && 'seed '}
        {formatNumber(pin.seed)}
      </span>
      <button
        type="button"
        className="tile-show"
        aria-label={`Show pinned ${words}`}
        title={`Show ${words}`}
        onClick={() => controller.pins.show(pin)}
        onKeyDown={(event) => {
          if (event.key === 'Delete' || event.key === 'Backspace') controller.pins.remove(pin);
        }}
      />
      <button
        type="button"
        className="tile-remove"
        aria-label={`Unpin ${words}`}
        title="Unpin"
        onClick={() => controller.pins.remove(pin)}
      >
        <X aria-hidden />
      </button>
    </li>
  );
}

/** A pin in words: its seed, and what it has of its own. */
export function pinWords(pin: Pin, model: Pick<ModelFacts, 'classes' | 'labelDim'>): string {
  const index = pin.classIndex !== null && pin.classIndex < model.labelDim ? pin.classIndex : null;
  const words = classWords(model.classes, index, pin.mix);
  return [
    `seed ${formatNumber(pin.seed)}`,
    pin.noise && 'own noise',
    words !== null && `class ${words}`,
    pin.sigma !== null && `sigma ${formatNumber(pin.sigma)}`,
    pin.temperature !== 1 && `temperature ${formatNumber(pin.temperature)}`,
  ]
    .filter(Boolean)
    .join(', ');
}
