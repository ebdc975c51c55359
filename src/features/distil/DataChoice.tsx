import { FolderOpen } from 'lucide-react';
import { counted } from '../../lib/words';
import { imagesAmong } from '../../state/distil-setup';
import { misfit, type SamplePack } from '../../state/packs';
import { useApp, useDistil } from '../../state/react';
import { formatBytes, formatWhole } from '../../ui/format';
import { Note } from '../../ui/Note';
import { useSetup } from './use-setup';

export function DataChoice({ refused }: { refused: string | null }) {
  const { controller } = useApp();
  const { packs, packsError, own } = useDistil((s) => ({
    packs: s.packs,
    packsError: s.packsError,
    own: s.setup.own,
  }));
  const { teacher, pack, own: ownChosen, config } = useSetup();
  return (
    <section className="setup-part" aria-labelledby="distil-data">
      <header>
        <h2 id="distil-data">Data</h2>
        <p className="setup-intro secondary">Real images, read on this machine. Nothing is uploaded.</p>
      </header>
      {packsError && (
        <Note
          tone="error"
          actions={
            <button type="button" className="button" onClick={() => void controller.distil.loadPacks()}>
              Try again
            </button>
          }
        >
          {packsError}
        </Note>
      )}
      <div className="radios" role="radiogroup" aria-labelledby="distil-data">
        {packs?.map((p) => {
          const reason = teacher && misfit(p, teacher);
          return (
            <label key={p.id} className="radio">
              <input
                type="radio"
                name="data"
                checked={pack?.id === p.id}
                disabled={reason !== null}
                onChange={() => controller.distil.set({ data: p.id })}
              />
              <strong>{p.name}</strong>
              <span className="secondary">{reason ?? packLine(p)}</span>
            </label>
          );
        })}
        {own && (
          <label className="radio">
            <input
              type="radio"
              name="data"
              checked={ownChosen !== null}
              onChange={() => controller.distil.set({ data: 'own' })}
            />
            <strong className="file-name">{own.name}</strong>
            <span className="secondary">
              Yours, {formatBytes(own.files.reduce((sum, file) => sum + file.size, 0))}
            </span>
          </label>
        )}
      </div>
      <ChooseImages />
      {refused && <Note tone="error">{refused} Drop PNG, JPEG or WebP files, or one zip of them.</Note>}
      {pack && teacher && (
        <PackFacts pack={pack} resolution={teacher.resolution} channels={teacher.channels} />
      )}
      {ownChosen && teacher && teacher.labelDim > 0 && (
        <p className="caption">
          This teacher has {teacher.labelDim} classes: the zip needs as many labels in its{' '}
          <code>dataset.json</code>, or one folder a class.
        </p>
      )}
      <label className="check">
        <input
          type="checkbox"
          checked={config.xFlip}
          onChange={(event) => controller.distil.configure({ xFlip: event.currentTarget.checked })}
        />
        Mirror images at random
      </label>
    </section>
  );
}

const packLine = (pack: SamplePack) =>
  `${pack.resolution} × ${pack.resolution}, ${pack.channels === 1 ? 'grey' : 'colour'}, ${
    pack.classes ? counted(pack.classes.length, 'class', 'classes') : 'no classes'
  }`;

/** Its label is the button that one sees; the page's other file input opens checkpoints. */
function ChooseImages() {
  const { controller } = useApp();
  return (
    <div className="choose-images">
      <label className="file-button button">
        <FolderOpen aria-hidden />
        <span>Choose images</span>
        <input
          type="file"
          multiple
          accept=".zip,.npz,.png,.jpg,.jpeg,.webp,.gz,.tar,.bin"
          onChange={(event) => {
            controller.distil.takeFiles([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = ''; // so that the same files can be chosen again
          }}
        />
      </label>
      <label className="file-button button">
        <FolderOpen aria-hidden />
        <span>Choose a folder</span>
        <input
          type="file"
          // React knows no better name for it.
          {...{ webkitdirectory: '' }}
          onChange={(event) => {
            controller.distil.takeFiles(imagesAmong([...(event.currentTarget.files ?? [])]));
            event.currentTarget.value = '';
          }}
        />
      </label>
      <span className="caption">Images, a zip of them, an npz or CIFAR-10; or drop them here</span>
    </div>
  );
}

function PackFacts({
  pack,
  resolution,
  channels,
}: {
  pack: SamplePack;
  resolution: number;
  channels: number;
}) {
  const converted = pack.resolution !== resolution || pack.channels !== channels;
  const facts: [string, string][] = [
    ['Images', formatWhole(pack.images)],
    ...(pack.classes ? ([['Classes', pack.classes.join(', ')]] as [string, string][]) : []),
    ...(converted
      ? ([['Converted to', `${resolution} × ${resolution}, ${channels === 1 ? 'grey' : 'colour'}`]] as [
          string,
          string,
        ][])
      : []),
    ['Licence', pack.licence],
  ];
  return (
    <dl className="facts">
      {facts.map(([term, value]) => (
        <div key={term} className="fact">
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
