import { useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { filtered, sections } from '../../state/models/browse';
import { useApp, useCatalogue, useEngine } from '../../state/react';
import './models.css';
import './catalogue.css';
import './catalogue-narrow.css';
import { AddressField } from './AddressField';
import { CatalogueTools, countOf } from './CatalogueTools';
import { ClosedFile } from './ClosedFile';
import { DataSet } from './DataSet';
import { DownloadNews } from './DownloadNews';
import { MachinePanel } from './MachinePanel';
import { OpenedModel } from './OpenedModel';

const NOTHING_SEARCHED = { text: '', here: false };

/** What can be used here, what was opened, and where more is to be had: by data set. */
export default function ModelsView({ onChooseFile }: { onChooseFile: () => void }) {
  const { stores } = useApp();
  const catalogue = useCatalogue();
  const opened = useEngine((s) => s.opened);
  const closed = useEngine((s) => s.closed);
  const states = useStore(stores.rows, (s) => s.rows);
  const [filter, setFilter] = useState(NOTHING_SEARCHED);
  const all = useMemo(() => sections(catalogue?.models ?? []), [catalogue]);
  const shown = filtered(all, filter, states);
  const searched = filter.here || filter.text.trim() !== '';
  return (
    <div className="models">
      <h1 className="hidden-text">Models</h1>
      <div className="models-list">
        <div className="models-top">
          <CatalogueTools
            sections={all}
            filter={filter}
            onFilter={setFilter}
            found={shown.reduce((sum, section) => sum + countOf(section), 0)}
          />
          <DownloadNews />
        </div>
        {opened.length + closed.length > 0 && !filter.text.trim() && (
          <section aria-labelledby="models-opened">
            <h2 id="models-opened">Opened on this page</h2>
            <div className="opened-list">
              {opened.map((info) => (
                <OpenedModel key={info.key} info={info} />
              ))}
              {closed.map((file) => (
                <ClosedFile key={file.key} file={file} />
              ))}
            </div>
          </section>
        )}
        {shown.map((section) => (
          <DataSet key={section.id} section={section} states={states} searched={searched} />
        ))}
        {catalogue && shown.length === 0 && (
          <p className="secondary none-found">
            {filter.text.trim() ? `No model fits “${filter.text.trim()}”.` : 'No model is on this device.'}{' '}
            <button type="button" className="button" onClick={() => setFilter(NOTHING_SEARCHED)}>
              Clear
            </button>
          </p>
        )}
        {!filter.text.trim() && <AddressField />}
      </div>
      <MachinePanel onChooseFile={onChooseFile} />
    </div>
  );
}
