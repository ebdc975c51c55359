import { useEffect, useState } from 'react';
import { useApp, useView } from '../state/react';

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;

/** The whole page takes files. Without this the browser would leave the page and show the file. */
export function DropTarget() {
  const { controller } = useApp();
  const distil = useView((v) => v.tab === 'distil');
  const [over, setOver] = useState(false);
  useEffect(() => {
    const ends = new AbortController();
    const { signal } = ends;
    let depth = 0; // enter and leave fire for every element on the way
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth++;
      setOver(true);
    };
    const allow = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = 0;
      setOver(false);
      if (event.defaultPrevented) return; // a view that knew what to do with them
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void controller.open(file);
    };
    addEventListener('dragenter', enter, { signal });
    addEventListener('dragover', allow, { signal });
    addEventListener('dragleave', leave, { signal });
    addEventListener('drop', drop, { signal });
    return () => ends.abort();
  }, [controller]);
  return over ? (
    <div className="drop-veil" aria-hidden>
      <p>
        {distil ? 'Drop images, a .zip of images, or a checkpoint' : 'Drop a .pkl, .pt or .safetensors file'}
      </p>
    </div>
  ) : null;
}
