import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { counted } from '../../../lib/words';
import { MAX_SEED } from '../../../rng/seeds';
import type { Exporter } from '../../../state/export/exporter';
import { aboutWords, MOST_IMAGES } from '../../../state/export/many';
import { useApp, useModel, useView } from '../../../state/react';
import { Dialog } from '../../../ui/Dialog';
import { formatBytes, formatWhole } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import './export.css';

interface Props {
  onClose: () => void;
}

/** Images of many seeds as a zip: how many, or what an earlier visit has begun. */
export function ManyDialog({ onClose }: Props) {
  const { controller } = useApp();
  const [exporter, setExporter] = useState<Exporter | null>(null);
  useEffect(() => {
    void controller.playground.exporter().then((found) => {
      setExporter(found);
      void found.lookForKept();
    });
  }, [controller]);
  return (
    <Dialog title="Many images" onClose={onClose}>
      {exporter && <Content exporter={exporter} onClose={onClose} />}
    </Dialog>
  );
}

function Content({ exporter, onClose }: Props & { exporter: Exporter }) {
  const kept = useStore(exporter.store, (s) => s.kept);
  if (kept === undefined) return <p className="secondary">Looking for images of an earlier visit</p>;
  return (
    <div className="export-dialog">
      {kept && <Kept exporter={exporter} onClose={onClose} />}
      <New exporter={exporter} onClose={onClose} replaces={kept !== null} />
    </div>
  );
}

/** What this browser keeps of an archive. */
function Kept({ exporter, onClose }: Props & { exporter: Exporter }) {
  const kept = useStore(exporter.store, (s) => s.kept);
  if (!kept) return null;
  return (
    <section className="export-kept" aria-label="Kept images">
      <p>
        {kept.whole ? 'Whole: ' : 'Broken off: '}
        {counted(kept.done, 'image')}, {formatBytes(kept.bytes)}
        <br />
        <span className="caption">{aboutWords(kept.about)}</span>
      </p>
      <div className="export-actions">
        <button type="button" className="button quiet" onClick={() => void exporter.removeMany()}>
          Delete
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            onClose();
            void exporter.resumeMany();
          }}
        >
          {kept.whole ? 'Save again' : 'Resume'}
        </button>
      </div>
    </section>
  );
}

function New({ exporter, onClose, replaces }: Props & { exporter: Exporter; replaces: boolean }) {
  const model = useModel();
  const seed = useView((v) => Math.floor(v.seed));
  const [first, setFirst] = useState(seed);
  const [count, setCount] = useState(1000);
  const most = Math.min(MOST_IMAGES, MAX_SEED - first + 1);
  if (!model) return null;
  const bytes = count * model.resolution ** 2 * model.channels;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onClose();
        void exporter.saveMany({ first, count: Math.min(count, most) });
      }}
    >
      <div className="field">
        <span>First seed</span>
        <NumberField
          label="First seed"
          value={first}
          min={0}
          max={MAX_SEED}
          step={1}
          whole
          onCommit={setFirst}
        />
      </div>
      <div className="field">
        <span>Images</span>
        <NumberField label="Images" value={count} min={1} max={most} step={1} whole onCommit={setCount} />
      </div>
      <p className="caption">
        PNG files named as EDM’s generate.py names them, each with its settings inside; with a dataset.json
        where the network has classes. At most {formatBytes(bytes)}. They are kept in this browser while they
        are made: after a closed tab, Resume goes on.
        {replaces && ' What is kept now is replaced.'}
      </p>
      <div className="export-actions">
        <button type="submit" className="button primary" data-autofocus>
          Make {formatWhole(Math.min(count, most))} images
        </button>
      </div>
    </form>
  );
}
