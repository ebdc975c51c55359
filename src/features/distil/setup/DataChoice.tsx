import { counted } from '../../../lib/words';
import { elsewhere, misfit, type SamplePack } from '../../../state/distil/packs';
import { useReceive } from '../../../state/files/use-receive';
import type { ModelFacts } from '../../../state/models';
import { useApp, useDistil } from '../../../state/react';
import { type Fact, Facts } from '../../../ui/Facts';
import { FileButton } from '../../../ui/FileButton';
import { formatBytes, formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { useSetup } from '../use-setup';
import { AugmentOffer } from './AugmentSwitch';
import { OwnFacts } from './OwnFacts';
import { RadioRow } from './RadioRow';

export function DataChoice() {
  const { controller } = useApp();
  const { packs, packsError, own, refused } = useDistil((s) => ({
    refused: s.refused,
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
            <RadioRow
              key={p.id}
              group="data"
              title={p.name}
              about={reason ?? packLine(p)}
              checked={pack?.id === p.id}
              disabled={reason !== null}
              onChoose={() => controller.distil.set({ data: p.id })}
            />
          );
        })}
        {own && (
          <RadioRow
            group="data"
            title={own.name}
            about={`Yours, ${formatBytes(own.files.reduce((sum, file) => sum + file.size, 0))}`}
            checked={ownChosen !== null}
            file
            onChoose={() => controller.distil.set({ data: 'own' })}
          />
        )}
      </div>
      {teacher && !ownChosen && <Elsewhere teacher={teacher} />}
      <ChooseImages />
      {refused && (
        <Note tone="error" onDismiss={() => controller.distil.refuse(null)}>
          {refused}
        </Note>
      )}
      {pack && teacher && (
        <PackFacts pack={pack} resolution={teacher.resolution} channels={teacher.channels} />
      )}
      {ownChosen && <OwnFacts own={ownChosen} />}
      <label className="check">
        <input
          type="checkbox"
          checked={config.xFlip}
          onChange={(event) => controller.distil.configure({ xFlip: event.currentTarget.checked })}
        />
        Mirror images at random
      </label>
      <AugmentOffer />
    </section>
  );
}

/** For a teacher whose images may not come with the page: which file it is, and where it is had. */
function Elsewhere({ teacher }: { teacher: ModelFacts }) {
  const set = elsewhere(teacher);
  if (!set) return null;
  return (
    <p className="secondary">
      This teacher learned from {set.name}, whose terms do not let us publish the images. Get {set.file} from{' '}
      <a href={set.url} target="_blank" rel="noreferrer">
        {new URL(set.url).host}
      </a>{' '}
      and choose it, or choose images of your own.
    </p>
  );
}

const packLine = (pack: SamplePack) =>
  `${pack.resolution} × ${pack.resolution}, ${pack.channels === 1 ? 'grey' : 'colour'}, ${
    pack.classes ? counted(pack.classes.length, 'class', 'classes') : 'no classes'
  }`;

function ChooseImages() {
  const receive = useReceive();
  const take = (files: File[]) => void receive(files);
  return (
    <div className="choose-images">
      <FileButton label="Choose images" onFiles={take} />
      <FileButton label="Choose a folder" folder onFiles={take} />
      <span className="caption">
        Images, a zip or tar of them, an npz, MNIST or CIFAR-10; or drop them anywhere
      </span>
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
  const facts: Fact[] = [['Images', formatWhole(pack.images)]];
  if (pack.classes) facts.push(['Classes', pack.classes.join(', ')]);
  if (converted)
    facts.push(['Converted to', `${resolution} × ${resolution}, ${channels === 1 ? 'grey' : 'colour'}`]);
  facts.push(['Licence', pack.licence]);
  return <Facts facts={facts} />;
}
