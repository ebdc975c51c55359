import { shipped } from '../../state/models';
import { useCatalogue, useEngine } from '../../state/react';
import './models.css';
import { AddressField } from './AddressField';
import { DownloadNews } from './DownloadNews';
import { MachinePanel } from './MachinePanel';
import { OpenedModel } from './OpenedModel';
import { PublicTable } from './PublicTable';
import { ShippedModel } from './ShippedModel';

/** What can be used here, what was opened, and where more is to be had. */
export function ModelsView({ onChooseFile }: { onChooseFile: () => void }) {
  const catalogue = useCatalogue();
  const opened = useEngine((s) => s.opened);
  const models = catalogue?.models ?? [];
  // A Fréchet distance means nothing without its features.
  const features = [...new Set(shipped(catalogue).flatMap((m) => m.quality.map((q) => q.features)))];
  return (
    <div className="models">
      <h1 className="hidden-text">Models</h1>
      <div className="models-list">
        <DownloadNews />
        <section aria-labelledby="models-shipped">
          <h2 id="models-shipped">Shipped with Innate</h2>
          {features.length > 0 && (
            <p className="caption features">
              FD is the Fréchet distance on these features: {features.join('; ')}. The floor is the distance
              between two sets of real images.
            </p>
          )}
          <div className="shelf">
            {shipped(catalogue).map((model) => (
              <ShippedModel key={model.id} catalogue={catalogue!} model={model} />
            ))}
          </div>
        </section>
        <section aria-labelledby="models-opened">
          <h2 id="models-opened">Opened on this page</h2>
          {opened.length === 0 ? (
            <p className="secondary">
              None yet. An opened file stays on this machine and is forgotten when the page closes, unless you
              keep it in this browser.
            </p>
          ) : (
            <div className="opened-list">
              {opened.map((info) => (
                <OpenedModel key={info.key} info={info} />
              ))}
            </div>
          )}
        </section>
        <AddressField />
        <PublicTable
          title="Official checkpoints"
          about="Download a file with your browser and drop it on this page. It is read as data; nothing in it is run."
          models={models.filter((m) => m.kind === 'official')}
        />
        <PublicTable
          title="The paper’s one-step networks"
          about="Their authors host them; the README of their project has the link."
          models={models.filter((m) => m.kind === 'manual')}
        />
      </div>
      <MachinePanel onChooseFile={onChooseFile} />
    </div>
  );
}
