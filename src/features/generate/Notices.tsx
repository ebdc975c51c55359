import { useState } from 'react';
import { useStore } from 'zustand';
import { rowState } from '../../state/models/rows';
import { useApp, useCatalogue, useEngine, usePrefs } from '../../state/react';
import type { CatalogueModel } from '../../storage/catalogue';
import { Note } from '../../ui/Note';

/** The public model that the link waits for, where it can be downloaded and is not coming yet. */
function useAwaited(id: string | null): CatalogueModel | null {
  const { controller, stores } = useApp();
  const model = useCatalogue()?.models.find((m) => m.id === id);
  const state = useStore(stores.rows, (s) => model && rowState(model, s.rows));
  return model && state?.kind === 'not-here' && controller.rows?.offers(model) ? model : null;
}

/** Lines about the machine and the link; each can be put away, and a new one comes back. */
export function Notices() {
  const { controller } = useApp();
  const preference = usePrefs((p) => p.backend);
  const { reason, available, backend, notice, remark, awaits } = useEngine(({ status, remark, awaits }) => ({
    reason: status?.webgpuReason ?? null,
    available: status?.webgpuAvailable ?? false,
    backend: status?.backend?.name ?? null,
    notice: status?.notice ?? null,
    remark,
    awaits,
  }));
  const wanted = useAwaited(awaits);
  const [read, setRead] = useState<readonly string[]>([]);
  // Chosen by hand: then the reason is known.
  const why = backend !== 'webgpu' && preference !== 'wasm' ? reason : null;
  const lines = [remark, notice, why].filter((line) => line !== null && !read.includes(line)) as string[];
  if (lines.length === 0) return null;
  return (
    <div className="notices">
      {lines.map((line) => (
        <Note
          key={line}
          tone={line === remark ? 'info' : 'warn'}
          actions={
            line === why && available ? (
              <button
                type="button"
                className="button"
                onClick={() => void controller.chooseBackend('webgpu')}
              >
                Use WebGPU anyway
              </button>
            ) : (
              line === remark &&
              wanted && (
                <button type="button" className="button" onClick={() => controller.rows?.download(wanted.id)}>
                  Download {wanted.name}
                </button>
              )
            )
          }
          onDismiss={() => setRead([...read, line])}
        >
          {line}
        </Note>
      ))}
    </div>
  );
}
