import { useMemo } from 'react';
import { sharesOf } from '../../../lib/class-mix';
import { className } from '../../../state/models';
import { frameRecipe, type Path } from '../../../state/path/frames';
import { placeWords } from '../../../state/path/words';
import { useModel } from '../../../state/react';
import { Facts } from '../../../ui/Facts';
import { formatNumber } from '../../../ui/format';
import type { PictureSource } from '../../../ui/PictureCanvas';
import { Hero, useHero } from '../Hero';
import { InspectorHead } from '../InspectorHead';
import { usePathPlayer, usePlayer } from './use-player';

/** The frame under the playhead, large, and what it is made of. */
export default function PathInspector() {
  const player = usePathPlayer();
  const model = useModel();
  const { at, path } = usePlayer(({ at, path }) => ({ at, path }));
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
      <InspectorHead
        title={path ? `Frame ${at + 1}` : 'No path yet'}
        inside={path && 'a link to this frame is inside'}
      />
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
