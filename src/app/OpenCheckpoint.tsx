import { FolderOpen } from 'lucide-react';
import type { RefObject } from 'react';
import { useReceive } from '../state/files/use-receive';

/** The page's one file input. Its label is the button that one sees. */
export function OpenCheckpoint({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const receive = useReceive();
  return (
    <label className="open-checkpoint button quiet" title="Open a .pkl, .pt or .safetensors file (O)">
      <FolderOpen aria-hidden />
      <span>Open checkpoint</span>
      <input
        ref={input}
        type="file"
        multiple
        accept=".pkl,.pt,.pth,.bin,.safetensors"
        onChange={(event) => {
          void receive([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = ''; // so that the same file can be chosen again
        }}
      />
    </label>
  );
}
