import { Copy, Download } from 'lucide-react';
import { useMemo, useRef } from 'react';
import { useStore } from 'zustand';
import type { MadeImage } from '../../state/generate/images';
import { useApp, usePrefs, useView } from '../../state/react';
import { copyText } from '../../ui/copy-text';
import { formatNumber } from '../../ui/format';
import { PictureCanvas } from '../../ui/PictureCanvas';
import { useSpace } from '../../ui/use-space';
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
  const smooth = usePrefs((p) => p.smooth);
  const index = useView((v) => v.selected);
  const image = useSelected();
  const source = useMemo(() => pictureSource(stores.images), [stores.images]);
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const resolution = image?.resolution ?? 64;
  const multiple = Math.max(1, Math.floor(((space?.width ?? 256) * devicePixelRatio) / resolution));
  const size = (resolution * multiple) / devicePixelRatio;
  return (
    <>
      <div ref={room} className={smooth ? 'hero smooth' : 'hero'}>
        {/* Named in the grid; here it would be the same image twice. */}
        <PictureCanvas source={source} index={index} size={size} decorative />
      </div>
      {image && <Facts image={image} shown={multiple / devicePixelRatio} />}
    </>
  );
}

function Facts({ image, shown }: { image: MadeImage; shown: number }) {
  const { recipe, resolution } = image;
  const facts: [string, string][] = [
    ...recipeFacts(recipe),
    ['Size', `${resolution} × ${resolution}, shown ${formatNumber(Math.round(shown * 100) / 100)}×`],
  ];
  return (
    <dl className="facts">
      {facts.map(([term, value]) => (
        <div key={term} className="fact">
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
