import { CodeXml } from 'lucide-react';
import type { MadeImage } from '../../../state/generate/images';
import { withOwn } from '../../../state/generate/points';
import { useAction, useApp, useView } from '../../../state/react';
import { copyText } from '../../../ui/copy-text';
import { formatNumber } from '../../../ui/format';
import { BesideDoor } from './BesideDoor';
import { NoiseDoor } from './NoiseDoor';

/** What can be done with the selected image alone. */
export default function OwnActions({ image }: { image: MadeImage }) {
  return (
    <>
      <Actions image={image} />
      <BesideDoor />
      <NoiseDoor />
    </>
  );
}

/** Its own seed and class, and what is taken away of it. */
function Actions({ image }: { image: MadeImage }) {
  const { announce, stores } = useApp();
  const place = useView((v) => v.selected);
  const kept = useView((v) => v.own.some((own) => own.place === place && own.classIndex !== null));
  const { seed, classIndex } = image.recipe;
  const keep = (index: number | null) =>
    stores.view.setState(({ own }) => ({ own: withOwn(own, place, { classIndex: index }) }));
  const text = formatNumber(seed);
  const recipe = useAction('copy-recipe');
  const code = useAction('code');
  const path = useAction('path-new');
  return (
    <div className="own-actions">
      <button type="button" className="button code-button" onClick={code.perform}>
        <CodeXml aria-hidden />
        Code for this
      </button>
      <button
        type="button"
        className="link"
        title="To another seed, class or noise level"
        onClick={path.perform}
      >
        Path from it
      </button>
      <button
        type="button"
        className="link"
        title="Model, seed and settings, with a link"
        onClick={recipe.perform}
      >
        Copy recipe
      </button>
      <button
        type="button"
        className="link"
        onClick={async () =>
          announce((await copyText(text)) ? `Seed ${text} was copied` : 'The browser did not allow copying')
        }
      >
        Copy seed
      </button>
      {place > 0 && (
        <button type="button" className="link" onClick={() => stores.view.setState({ seed, selected: 0 })}>
          Start from it
        </button>
      )}
      {classIndex !== null && (
        <button
          type="button"
          className="link"
          title="Whatever Class says, this image keeps its own"
          aria-pressed={kept}
          onClick={() => keep(kept ? null : classIndex)}
        >
          {kept ? 'Release its class' : 'Keep its class'}
        </button>
      )}
    </div>
  );
}
