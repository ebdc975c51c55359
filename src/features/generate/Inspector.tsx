import { Copy, Download } from 'lucide-react';
import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { MadeImage } from '../../state/generate/images';
import { useApp, useView } from '../../state/react';
import { copyText } from '../../ui/copy-text';
import { Facts } from '../../ui/Facts';
import { formatNumber } from '../../ui/format';
import { Hero, useHero } from './Hero';
import { pictureSource } from './pictures';
import { recipeFacts, recipeText } from './recipe';
import { savePng } from './save-png';

function useSelected(): MadeImage | null {
  const { stores } = useApp();
  const index = useView((v) => v.selected);
  return useStore(stores.images, (s) => s.images[index] ?? null);
}

export function InspectorTitle() {
  const image = useSelected();
  const { announce, controller } = useApp();
  const seed = image && formatNumber(image.recipe.seed);
  return (
    <div className="inspector-title">
      <h2>{seed === null ? 'No image yet' : `Seed ${seed}`}</h2>
      {image && (
        <>
          <button
            type="button"
            className="icon-button"
            aria-label="Copy recipe"
            title="Copy recipe: model, seed and settings, with a link"
            onClick={async () =>
              announce(
                (await copyText(recipeText(image.recipe, controller.link())))
                  ? `The recipe of seed ${seed} was copied`
                  : 'The browser did not allow copying',
              )
            }
          >
            <Copy aria-hidden />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Save PNG"
            title="Save PNG"
            onClick={() => void savePng(image)}
          >
            <Download aria-hidden />
          </button>
        </>
      )}
    </div>
  );
}

/** The selected image at a whole multiple, and how to make it again. */
export function Inspector() {
  const { stores } = useApp();
  const index = useView((v) => v.selected);
  const image = useSelected();
  const source = useMemo(() => pictureSource(stores.images), [stores.images]);
  const resolution = image?.resolution ?? 64;
  const hero = useHero(resolution);
  const shown = formatNumber(Math.round(hero.shown * 100) / 100);
  return (
    <>
      <Hero {...hero} source={source} index={index} resolution={resolution} />
      {image && (
        <Facts
          facts={[...recipeFacts(image.recipe), ['Size', `${resolution} × ${resolution}, shown ${shown}×`]]}
        />
      )}
    </>
  );
}
