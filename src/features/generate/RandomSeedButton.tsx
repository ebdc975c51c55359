import { Shuffle } from 'lucide-react';
import { ariaKeys, keysOf } from '../../state/actions/shortcut';
import { useAction } from '../../state/react';

export function RandomSeedButton() {
  const { action, perform } = useAction('random');
  const { shortcut = '' } = action;
  return (
    <div className="random-row">
      <button type="button" className="button" aria-keyshortcuts={ariaKeys(shortcut)} onClick={perform}>
        <Shuffle aria-hidden />
        {action.name} <kbd aria-hidden>{keysOf(shortcut)}</kbd>
      </button>
    </div>
  );
}
