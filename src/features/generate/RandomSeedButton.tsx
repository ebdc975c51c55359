import { Shuffle } from 'lucide-react';
import { useApp } from '../../state/react';

export function RandomSeedButton() {
  const { controller } = useApp();
  return (
    <div className="random-row">
      <button type="button" className="button" aria-keyshortcuts="R" onClick={controller.randomSeed}>
        <Shuffle aria-hidden />
        Random seed <kbd aria-hidden>R</kbd>
      </button>
    </div>
  );
}
