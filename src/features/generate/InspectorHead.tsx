import { Copy, Download } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAction } from '../../state/react';

/** What the inspector shows, and what can be done with it: `children` first, then copying and saving. */
export function InspectorHead({
  title,
  inside,
  children,
}: {
  title: string;
  /** What a saved PNG carries, in words; null = there is no image yet. */
  inside: string | null;
  children?: ReactNode;
}) {
  const copy = useAction('copy-image');
  const save = useAction('save-png');
  return (
    <div className="inspector-title">
      <h2>{title}</h2>
      {inside !== null && (
        <>
          {children}
          <button
            type="button"
            className="icon-button"
            aria-label="Copy image"
            title="Copy image"
            onClick={copy.perform}
          >
            <Copy aria-hidden />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Save PNG"
            title={`Save PNG: ${inside}`}
            onClick={save.perform}
          >
            <Download aria-hidden />
          </button>
        </>
      )}
    </div>
  );
}
