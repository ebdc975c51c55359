import { Copy, Download } from 'lucide-react';
import { useMemo } from 'react';
import { sharesOf } from '../../../lib/class-mix';
import { className } from '../../../state/models';
import { frameRecipe, type Path } from '../../../state/path/frames';
import { placeWords } from '../../../state/path/words';
import { useAction, useModel } from '../../../state/react';
import { Facts } from '../../../ui/Facts';
import { formatNumber } from '../../../ui/format';
import type { PictureSource } from '../../../ui/PictureCanvas';
import { Hero, useHero } from '../Hero';
import { usePathPlayer, usePlayer } from './use-player';

/** The frame under the playhead, large, and what it is made of. */
export default function PathInspector() {
  const player = usePathPlayer();
  const model = useModel();
  const { at, path } = usePlayer(({ at, path }) => ({ at, path }));
  const copy = useAction('copy-image');
  const save = useAction('save-png');
  const source = useMemo<PictureSource>(
    () => ({
      get: () => player?.picture(player.store.getState().at) ?? null,
      subscribe(listener) {
        const ends = [player?.frames.subscribe(listener), player?.store.subscribe(listener)];
        return () => {
          for (const end of ends) end?.();
        };
      },
    }),
    [player],
  );
  const resolution = model?.resolution ?? 64;
  const hero = useHero(resolution);
  return (
    <>
      <div className="inspector-title">
        <h2>{path ? `Frame ${at + 1}` : 'No path yet'}</h2>
        {path && (
          <>
            <button
              type="button"
              className="icon-button"
              aria-label="Copy image"
              title="Copy image"
              onClick={copy.perform}
            >
              <Copy aria-hidden />
            </button>
            <button
              type="button"
              className="icon-button"
              aria-label="Save PNG"
              title="Save PNG: a link to this frame is inside"
              onClick={save.perform}
            >
              <Download aria-hidden />
            </button>
          </>
        )}
      </div>
      <Hero {...hero} source={source} index={0} resolution={resolution} />
      {path && (
        <div className="about">
          <Facts facts={[...frameFacts(path, at), ['Size', sizeWords(resolution, hero.shown)]]} />
        </div>
      )}
    </>
  );
}

const sizeWords = (resolution: number, shown: number): string =>
  `${resolution} × ${resolution}, shown ${formatNumber(Math.round(shown * 100) / 100)}×`;

function frameFacts(path: Path, frame: number): [string, string][] {
  const { model } = path;
  const { own, sampling } = frameRecipe(path, frame);
  const classes =
    own.classIndex === null
      ? null
      : sharesOf(own.classIndex, own.mix)
          .sort((a, b) => b.weight - a.weight)
          .map(({ index, weight }) =>
            weight === 1
              ? className(model.classes, index)
              : `${formatNumber(weight)} ${className(model.classes, index)}`,
          )
          .join(', ');
  const gain = Object.entries(sampling.gains ?? {})[0];
  return [
    ['Model', model.name],
    ['Noise', placeWords(path, frame)],
    ...(classes === null ? [] : ([['Class', classes]] as [string, string][])),
    ['Start sigma', formatNumber(sampling.sigma)],
    ...(own.temperature === 1
      ? []
      : ([['Temperature', formatNumber(own.temperature)]] as [string, string][])),
    ...(gain ? ([['Gain', `${gain[0]} × ${formatNumber(gain[1])}`]] as [string, string][]) : []),
  ];
}
