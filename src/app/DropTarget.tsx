import { useEffect, useState } from 'react';
import { useReceive } from '../state/files/use-receive';
import { droppedFiles } from '../ui/dropped-files';

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;

/** The whole page takes files. Without this the browser would leave the page and show the file. */
export function DropTarget() {
  const receive = useReceive();
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
      event.preventDefault();
      // A folder that cannot be read is said as one with nothing in it.
      void droppedFiles(event.dataTransfer!)
        .catch(() => [])
        .then(receive);
    };
    addEventListener('dragenter', enter, { signal });
    addEventListener('dragover', allow, { signal });
    addEventListener('dragleave', leave, { signal });
    addEventListener('drop', drop, { signal });
    return () => ends.abort();
  }, [receive]);
  return over ? (
    <div className="drop-veil" aria-hidden>
      <p>Drop images, an archive of them, or checkpoints</p>
    </div>
  ) : null;
}
