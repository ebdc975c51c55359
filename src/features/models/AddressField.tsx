import { Trash2 } from 'lucide-react';
import { type FormEvent, useId, useState } from 'react';
import { useStore } from 'zustand';
import { allowedHosts } from '../../lib/hosts';
import type { Wanted } from '../../protocol/downloads';
import type { Downloads } from '../../state/models/downloads';
import type { RowState } from '../../state/models/rows';
import { useApp } from '../../state/react';
import { isWhole, progressWords } from '../../ui/download-words';
import './downloads.css';

/** Where addresses may lead; the regional hosts behind them are no places to paste from. */
const HOSTS = allowedHosts
  .filter((host) => !host.includes('*'))
  .map((host) => host.replace(/^https?:\/\//, ''))
  .join(' or ');

/** A field for the address of any checkpoint on one of the hosts, and what came of such addresses and is not whole. */
export function AddressField() {
  const { controller, stores } = useApp();
  const pasted = useStore(stores.downloads, (s) => s.pasted);
  const states = useStore(stores.rows, (s) => s.rows);
  const { rows } = controller;
  if (!rows) return null;
  return (
    <section aria-labelledby="models-address" className="from-address">
      <h2 id="models-address">From an address</h2>
      <Field rows={rows} />
      {pasted.map((wanted) => (
        <Unfinished key={wanted.id} wanted={wanted} state={states[wanted.id]} rows={rows} />
      ))}
    </section>
  );
}

function Field({ rows }: { rows: Downloads }) {
  const id = useId();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const found = await rows.paste(text);
    setProblem(found);
    if (found === null) setText('');
  };
  return (
    <form className="address-form" onSubmit={(event) => void submit(event)}>
      <label htmlFor={id} className="secondary">
        A .pkl, .pt or .safetensors on {HOSTS}
      </label>
      <div>
        <input
          id={id}
          type="text"
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://"
          value={text}
          aria-invalid={problem !== null}
          aria-describedby={problem ? `${id}-problem` : undefined}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setProblem(null);
          }}
        />
        <button type="submit" className="button" disabled={text.trim() === ''}>
          Download
        </button>
      </div>
      {problem && (
        <p id={`${id}-problem`} role="alert" className="caption address-problem">
          {problem}
        </p>
      )}
    </form>
  );
}

function Unfinished({
  wanted,
  state,
  rows,
}: {
  wanted: Wanted;
  state: RowState | undefined;
  rows: Downloads;
}) {
  if (state?.kind !== 'downloading' && state?.kind !== 'broken') return null;
  const { id, title } = wanted;
  const { amount, left, share } = progressWords(state);
  return (
    <div className={state.kind === 'broken' ? 'unfinished stopped' : 'unfinished'}>
      <code>{title}</code>
      <progress aria-label={`Download of ${title}`} value={share ?? undefined} />
      <span className="caption">{[amount, left].filter(Boolean).join(', ')}</span>
      {state.kind === 'downloading' ? (
        <button
          type="button"
          className="button"
          aria-label={`Cancel the download of ${title}`}
          onClick={() => rows.cancel(id)}
        >
          Cancel
        </button>
      ) : (
        <span className="unfinished-actions">
          <button
            type="button"
            className="icon-button"
            aria-label={`Delete the part of ${title}`}
            title={`Delete the part of ${title}`}
            onClick={() => rows.remove(id)}
          >
            <Trash2 aria-hidden />
          </button>
          <button
            type="button"
            className="button"
            aria-label={isWhole(state) ? `Open ${title}` : `Resume the download of ${title}`}
            onClick={() => rows.resume(id)}
          >
            {isWhole(state) ? 'Open' : 'Resume'}
          </button>
        </span>
      )}
    </div>
  );
}
