import type { ReactNode } from 'react';
import { imagesSeen, isUnderWay } from '../state/distil/store';
import { useDistil, useEngine } from '../state/react';
import { formatBytes, formatMs, formatWhole } from '../ui/format';

/**
 * What the images are made on. Its live region is off: the numbers change with every image, and a reader that
 * spoke them would say nothing else.
 */
export function StatusBar() {
  const status = useEngine((s) => s.status);
  const backend = status?.backend;
  const webgpu = backend?.name === 'webgpu';
  const last = status?.lastForward;
  // One that computes stands above, among what takes long.
  const run = useDistil((s) => (isUnderWay(s.run) && s.run?.phase !== 'running' ? s.run : null));
  return (
    <div className="status-bar" role="status" aria-live="off">
      <Item name="Adapter" tone={backend && (webgpu && !backend.software ? 'good' : 'careful')}>
        {backend ? (webgpu ? backend.label : `CPU, ${backend.label}`) : 'Looking for one'}
      </Item>
      <Item name="Backend">
        {backend ? { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'JavaScript' }[backend.name] : 'Not started'}
      </Item>
      {status?.model && (
        <Item name="Model" className="status-model">
          {status.model.name}
        </Item>
      )}
      <Item name="Memory" className="status-memory">
        {formatBytes(status?.memoryBytes ?? 0)}
      </Item>
      {run && (
        <Item name="Run">
          {run.phase === 'paused' ? 'Paused' : 'Preparing'}, {formatWhole(imagesSeen(run))} of{' '}
          {formatWhole(run.config.images)}
        </Item>
      )}
      <Item name="Last forward" className="status-last">
        {last ? `${formatMs(last.ms)} ms` : 'None yet'}
      </Item>
    </div>
  );
}

interface ItemProps {
  name: string;
  children: ReactNode;
  className?: string;
  tone?: 'good' | 'careful' | null | undefined;
}

function Item({ name, children, className, tone }: ItemProps) {
  return (
    <span className={className}>
      {tone && <i className={`dot ${tone}`} />}
      <span className="status-name">{name} </span>
      <b>{children}</b>{' '}
    </span>
  );
}
