import { useMemo } from 'react';
import { subjects } from '../../state/models/subjects';
import { useApp, useModel, useModels } from '../../state/react';
import { Sprite } from '../../ui/Sprite';
import './subject-cards.css';

/** The shipped generators as pictures: one press changes what is drawn. */
export function SubjectCards() {
  const { controller } = useApp();
  const models = useModels();
  const current = useModel()?.key;
  const cards = useMemo(() => subjects(models), [models]);
  return (
    <fieldset className="subjects" aria-label="What to draw">
      {cards.map(({ name, key, preview, seed }) => (
        <button
          key={key}
          type="button"
          aria-pressed={key === current}
          onClick={() => controller.selectModel(key)}
        >
          <Sprite url={`models/${preview.path}`} {...preview} index={seed} size={58} />
          {name}
        </button>
      ))}
    </fieldset>
  );
}
