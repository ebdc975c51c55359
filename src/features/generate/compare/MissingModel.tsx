import { useStore } from 'zustand';
import { FILE_KEY, isFileKey } from '../../../state/arrival';
import type { RowState } from '../../../state/models/rows';
import { useApp } from '../../../state/react';
import { formatPercent } from '../../../ui/format';
import type { ShownRow } from './use-rows';

/** A row whose model is not on this device: what it is, and how it comes here. */
export function MissingModel({ row }: { row: ShownRow }) {
  const { stores } = useApp();
  const key = row.row.model;
  const state = useStore(stores.rows, (s) => s.rows[key]);
  if (isFileKey(key))
    return (
      <p className="compared-missing">
        Not open here. Open the file “{key.slice(FILE_KEY.length)}” with Open checkpoint, and this row
        follows.
      </p>
    );
  if (!row.model.entry)
    return (
      <p className="compared-missing">
        No model is called so here. If it is a file, open it with Open checkpoint, and this row follows.
      </p>
    );
  return (
    <p className="compared-missing">
      {stateText(state)}{' '}
      <button type="button" className="link" onClick={() => stores.view.setState({ tab: 'models' })}>
        {state?.kind === 'downloading' ? 'show it in Models' : 'get it in Models'}
      </button>
    </p>
  );
}

function stateText(state: RowState | undefined): string {
  if (state?.kind === 'downloading')
    return state.total ? `Coming, ${formatPercent(state.done / state.total)}:` : 'Coming:';
  return state?.kind === 'broken' ? 'Partly here:' : 'Not here:';
}
