import { Trash2 } from 'lucide-react';
import { useEffect } from 'react';
import type { MeasureFilesCall } from '../../protocol/measure';
import { useExtras, useMeasuring } from '../../state/measure/use-measuring';
import { useEngine, useMeasure } from '../../state/react';
import { formatBytes } from '../../ui/format';

interface Kept {
  name: string;
  bytes: number;
  call: MeasureFilesCall;
}

/** Whether anything was ever kept: the engine's part that knows more is not loaded for nothing. */
async function hasMeasured(): Promise<boolean> {
  try {
    await (await navigator.storage.getDirectory()).getDirectoryHandle('measure');
    return true;
  } catch {
    return false;
  }
}

/** What measuring keeps in this browser, each with its size and a way to delete it. */
export function MeasureStorage() {
  const measuring = useMeasuring();
  const files = useExtras((s) => s.files);
  const ready = useEngine((s) => s.status !== null);
  const pending = useMeasure((s) => s.pending);
  useEffect(() => {
    if (!ready) return;
    void hasMeasured().then((has) => {
      if (has) void measuring.files({ do: 'list' });
    });
  }, [measuring, ready]);
  if (!files) return null;
  const all: readonly (Kept | false)[] = [
    files.inception !== null && {
      name: 'Inception file',
      bytes: files.inception,
      call: { do: 'drop-inception' },
    },
    files.features > 0 && {
      name: 'Features of training images',
      bytes: files.features,
      call: { do: 'drop-features' },
    },
  ];
  const kept = all.filter((item) => item !== false);
  if (kept.length === 0 && !(pending && files.runs > 0)) return null;
  return (
    <section aria-labelledby="models-measured" className="storage">
      <h3 id="models-measured">Kept by Measure</h3>
      <ul>
        {kept.map(({ name, bytes, call }) => (
          <li key={name}>
            <span>{name}</span>
            <span className="caption">{formatBytes(bytes)}</span>
            <Delete
              label={`Delete the ${name}, ${formatBytes(bytes)}`}
              onDelete={() => measuring.files(call)}
            />
          </li>
        ))}
        {pending && files.runs > 0 && (
          <li>
            <span>
              {pending.name} <span className="caption">unfinished</span>
            </span>
            <span className="caption">{formatBytes(files.runs)}</span>
            <Delete
              label={`Delete the unfinished measurement of ${pending.name}`}
              onDelete={() => measuring.cancel()}
            />
          </li>
        )}
      </ul>
    </section>
  );
}

function Delete({ label, onDelete }: { label: string; onDelete: () => Promise<void> }) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={() => void onDelete()}
    >
      <Trash2 aria-hidden />
    </button>
  );
}
