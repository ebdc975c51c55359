import { useState } from 'react';
import { useApp, useEngine, usePrefs } from '../../state/react';
import { Note } from '../../ui/Note';

/** Lines about the machine and the link; each can be put away, and a new one comes back. */
export function Notices() {
  const { controller } = useApp();
  const preference = usePrefs((p) => p.backend);
  const { reason, available, backend, notice, remark } = useEngine(({ status, remark }) => ({
    reason: status?.webgpuReason ?? null,
    available: status?.webgpuAvailable ?? false,
    backend: status?.backend?.name ?? null,
    notice: status?.notice ?? null,
    remark,
  }));
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
            line === why &&
            available && (
              <button
                type="button"
                className="button"
                onClick={() => void controller.chooseBackend('webgpu')}
              >
                Use WebGPU anyway
              </button>
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
