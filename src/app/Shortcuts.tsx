import { Dialog } from '../ui/Dialog';
import type { Action } from './actions';

const ELSEWHERE: [string, string][] = [
  ['Arrows', 'Another image, where the grid has the focus'],
  ['Arrows', 'One step of a slider; with Shift ten, with Alt a hundredth'],
  ['Shift + drag', 'Hundredths of a seed: a blend of two neighbours'],
  ['Double click', 'A slider’s default'],
];

export function Shortcuts({ actions, onClose }: { actions: readonly Action[]; onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        {actions.map((action) => (
          <div key={action.id}>
            <dt>
              <kbd>{action.key.toUpperCase()}</kbd>
            </dt>
            <dd>{action.label}</dd>
          </div>
        ))}
        {ELSEWHERE.map(([keys, what]) => (
          <div key={what}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
