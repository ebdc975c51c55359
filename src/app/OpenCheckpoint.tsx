import { FolderOpen } from 'lucide-react';
import type { RefObject } from 'react';
import { useApp } from '../state/react';

/** The page's one file input. Its label is the button that one sees. */
export function OpenCheckpoint({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const { controller } = useApp();
  return (
    <label className="open-checkpoint button quiet" title="Open a .pkl, .pt or .safetensors file (O)">
      <FolderOpen aria-hidden />
      <span>Open checkpoint</span>
      <input
        ref={input}
        type="file"
        accept=".pkl,.pt,.pth,.bin,.safetensors"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) void controller.open(file);
          event.currentTarget.value = ''; // so that the same file can be chosen again
        }}
      />
    </label>
  );
}
