import { useStore } from 'zustand';
import { FILE_KEY, isFileKey } from '../../../state/arrival';
import { isByHand, type RowState, rowState } from '../../../state/models/rows';
import { useApp } from '../../../state/react';
import { type CatalogueModel, fileSize } from '../../../storage/catalogue';
import { progressWords } from '../../../ui/download-words';
import { formatBytes } from '../../../ui/format';
import type { ShownRow } from './use-rows';

/** A row whose model is not on this device: what it is, and how it comes here. */
export function MissingModel({ row }: { row: ShownRow }) {
  const key = row.row.model;
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
  return <PublicModel model={row.model.entry} />;
}

/** One of the catalogue: what is to be done about it, as in its row of Models. */
function PublicModel({ model }: { model: CatalogueModel }) {
  const { controller, stores } = useApp();
  const state = useStore(stores.rows, (s) => rowState(model, s.rows));
  const { rows } = controller;
  const byHand = isByHand(model, state, rows);
  const act = (text: string, does: string, perform: () => void) => (
    <button type="button" className="link" aria-label={does} title={does} onClick={perform}>
      {text}
    </button>
  );
  const inModels = act('how, in Models', `How to get ${model.name}, in Models`, () =>
    stores.view.setState({ tab: 'models' }),
  );
  return (
    <p className="compared-missing">
      {stateText(state, byHand)}{' '}
      {!rows || byHand
        ? inModels
        : state.kind === 'downloading'
          ? act('Cancel', `Cancel the download of ${model.name}`, () => rows.cancel(model.id))
          : state.kind === 'broken'
            ? act('Resume', `Resume the download of ${model.name}`, () => rows.resume(model.id))
            : act(`Download${sizeText(model)}`, `Download${sizeText(model)}: ${model.name}`, () =>
                rows.download(model.id),
              )}
    </p>
  );
}

function sizeText(model: CatalogueModel): string {
  const size = fileSize(model);
  return size ? ` ${size.estimated ? '≈ ' : ''}${formatBytes(size.bytes)}` : '';
}

function stateText(state: RowState, byHand: boolean): string {
  if (byHand) return 'By hand:';
  if (state.kind === 'not-here') return 'Not here.';
  if (state.kind !== 'downloading' && state.kind !== 'broken') return 'Opening.';
  return `${progressWords(state).amount}.`;
}
