import type { RefObject } from 'react';
import { useReceive } from '../state/files/use-receive';
import { FileButton } from '../ui/FileButton';

/** Opens checkpoints, from any tab; on narrow screens its icon alone is shown. */
export function OpenCheckpoint({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const receive = useReceive();
  return (
    <FileButton
      className="open-checkpoint quiet"
      label="Open checkpoint"
      title="Open a .pkl, .pt or .safetensors file (O)"
      accept=".pkl,.pt,.pth,.bin,.safetensors"
      input={input}
      onFiles={(files) => void receive(files)}
    />
  );
}
