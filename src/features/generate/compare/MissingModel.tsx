import { FILE_KEY, isFileKey } from '../../../state/arrival';
import { useApp } from '../../../state/react';
import type { ShownRow } from './use-rows';

/** A row whose model is not on this device: what it is, and how it comes here. */
export function MissingModel({ row }: { row: ShownRow }) {
  const { stores } = useApp();
  const { entry } = row.model;
  const key = row.row.model;
  if (isFileKey(key))
    return (
      <p className="row-missing">
        Not open here. Open the file “{key.slice(FILE_KEY.length)}” with Open checkpoint, and this row
        follows.
      </p>
    );
  if (!entry)
    return (
      <p className="row-missing">
        No model is called so here. If it is a file, open it with Open checkpoint, and this row follows.
      </p>
    );
  return (
    <p className="row-missing">
      Not on this device:{' '}
      <button type="button" className="link" onClick={() => stores.view.setState({ tab: 'models' })}>
        get it in Models
      </button>
    </p>
  );
}
