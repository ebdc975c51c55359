import { Download } from 'lucide-react';
import { useState } from 'react';
import { asInnateError } from '../../../lib/errors';
import type { RunExport } from '../../../protocol/runs';
import { runCard } from '../../../state/distil/run-card';
import {
  curvesCsv,
  type DistilRunState,
  fileStem,
  imagesSeen,
  nearestSnapshot,
} from '../../../state/distil/store';
import { useApp, useDistil, useEngine } from '../../../state/react';
import { Dialog } from '../../../ui/Dialog';
import { formatWhole } from '../../../ui/format';
import { Note } from '../../../ui/Note';
import { saveBlob } from '../../../ui/save-blob';
import { sampleSheet } from './sample-sheet';

interface Props {
  run: DistilRunState;
  /** The moment in view; null = the newest. */
  picked: number | null;
  onClose: () => void;
}

interface Item {
  name: string;
  about: string;
  ending: string;
  /** null where it is not to be had. */
  make: (() => Promise<Blob> | Blob) | null;
}

/** Everything that a run can leave behind. */
export function SaveDialog({ run, picked, onClose }: Props) {
  const { controller } = useApp();
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const listed = useDistil((s) => s.runs?.find((r) => r.record.about.id === run.about.id) ?? null);
  const backend = useEngine((s) => s.status?.backend ?? null);
  const { snapshots } = run.history;
  const at = picked === null ? null : (snapshots[nearestSnapshot(snapshots, picked)] ?? null);
  const moment = at?.student ? at.images : null;
  const images = moment ?? imagesSeen(run);
  const items = itemsOf(run, {
    made: (what, from) => () => controller.distil.exportRun(what, from),
    stored: run.saved !== null || listed !== null,
    moment,
    card: () => runCard(run, listed?.record.notes ?? '', backend),
  });
  const save = async ({ name, ending, make }: Item) => {
    setBusy(name);
    setError(null);
    try {
      saveBlob(
        await make!(),
        fileStem(run.about, run.config, name.startsWith('Student') ? images : imagesSeen(run)) + ending,
      );
    } catch (failed) {
      setError(asInnateError(failed).describe());
    }
    setBusy(null);
  };
  return (
    <Dialog title="Save from this run" onClose={onClose}>
      <p className="secondary">
        {moment === null
          ? `The student after ${formatWhole(images)} images, the newest one.`
          : `The student of the moment shown, after ${formatWhole(images)} images.`}
        {at && !at.student && ' That of the moment in view was not kept.'}
      </p>
      <ul className="save-list">
        {items.map((item) => (
          <li key={item.name}>
            <span>
              <strong>{item.name}</strong>
              <span className="caption">{item.about}</span>
            </span>
            <button
              type="button"
              className="button"
              disabled={!item.make || busy !== null}
              aria-label={`Save ${item.name}`}
              onClick={() => void save(item)}
            >
              <Download aria-hidden />
              {busy === item.name ? 'Saving' : 'Save'}
            </button>
          </li>
        ))}
      </ul>
      {error && <Note tone="error">{error}</Note>}
    </Dialog>
  );
}

interface Source {
  /** Makes a file that the engine has to write. */
  made: (what: RunExport, images: number | null) => () => Promise<Blob>;
  /** This browser keeps the run. */
  stored: boolean;
  /** Images after which the student in view was kept; null = the newest. */
  moment: number | null;
  card: () => unknown;
}

function itemsOf(run: DistilRunState, { made, stored, moment, card }: Source): Item[] {
  const { snapshots, points } = run.history;
  return [
    {
      name: 'Student',
      about: 'The whole network in float16. Opens here and in innate generate',
      ending: '.safetensors',
      make: stored || run.result?.student ? made('student', moment) : null,
    },
    {
      name: 'Student, as a difference',
      about: `Much smaller, but needs ${run.about.teacherName} as well`,
      ending: '-delta.safetensors',
      make: stored ? made('delta', moment) : null,
    },
    {
      name: 'Full state',
      about: 'For innate distil --resume on another machine',
      ending: '.safetensors.state',
      make: stored ? made('state', null) : null,
    },
    {
      name: 'Curves',
      about: 'CSV with one line for each step',
      ending: '.csv',
      make: points.length > 0 ? () => new Blob([curvesCsv(points)], { type: 'text/csv' }) : null,
    },
    {
      name: 'Sample sheet',
      about: 'PNG of the fixed seeds over time',
      ending: '.png',
      make: snapshots.length > 0 ? () => sampleSheet(run) : null,
    },
    {
      name: 'Run card',
      about: 'Settings, data, images seen, distances, json',
      ending: '.json',
      make: () => new Blob([JSON.stringify(card(), null, 2)], { type: 'application/json' }),
    },
  ];
}
