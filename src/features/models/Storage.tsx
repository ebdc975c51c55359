import { Trash2 } from 'lucide-react';
import { useStore } from 'zustand';
import type { RowState } from '../../state/models/rows';
import { useApp, useCatalogue } from '../../state/react';
import { isWhole } from '../../ui/download-words';
import { formatBytes } from '../../ui/format';
import './downloads.css';

interface Stored {
  id: string;
  name: string;
  bytes: number;
  whole: boolean;
  /** What is to be done yet, in a word or two; empty where nothing is. */
  state: string;
}

/** What downloads have left in this browser, the largest first, each with its size and a way to delete it. */
export function Storage() {
  const { controller, stores } = useApp();
  const catalogue = useCatalogue();
  const states = useStore(stores.rows, (s) => s.rows);
  const pasted = useStore(stores.downloads, (s) => s.pasted);
  const { rows } = controller;
  const nameOf = (id: string): string =>
    catalogue?.models.find((m) => m.id === id)?.name ?? pasted.find((p) => p.id === id)?.title ?? id;
  const stored = Object.entries(states)
    .flatMap(([id, state]) => storedOf(id, nameOf(id), state))
    .sort((a, b) => b.bytes - a.bytes);
  if (!rows || stored.length === 0) return null;
  return (
    <section aria-labelledby="models-storage" className="storage">
      <h3 id="models-storage">
        Downloaded <span className="caption">{formatBytes(stored.reduce((sum, s) => sum + s.bytes, 0))}</span>
      </h3>
      <ul>
        {stored.map(({ id, name, bytes, whole, state }) => {
          const label = `Delete ${whole ? '' : 'the part of '}${name}, ${formatBytes(bytes)}`;
          return (
            <li key={id}>
              <span>
                {name}
                {state && <span className="caption"> {state}</span>}
              </span>
              <span className="caption">{formatBytes(bytes)}</span>
              <button
                type="button"
                className="icon-button"
                aria-label={label}
                title={label}
                onClick={() => rows.remove(id)}
              >
                <Trash2 aria-hidden />
              </button>
            </li>
          );
        })}
      </ul>
      <p className="caption">
        {stored.some(({ whole }) => whole)
          ? 'In this browser. What is whole works offline.'
          : 'In this browser. It goes on from there.'}
      </p>
    </section>
  );
}

function storedOf(id: string, name: string, state: RowState): Stored[] {
  if (state.kind === 'broken')
    return [
      { id, name, bytes: state.done, whole: false, state: isWhole(state) ? 'not opened yet' : 'unfinished' },
    ];
  // What the host of this page fetched is not in this browser.
  if (state.kind === 'here' && !state.fetched)
    return [{ id, name, bytes: state.bytes, whole: true, state: '' }];
  return [];
}
