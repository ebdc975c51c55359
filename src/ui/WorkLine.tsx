import { type ReactNode, useEffect, useState } from 'react';
import { Note } from './Note';

import { ProgressLine } from './ProgressLine';
import './WorkLine.css';

type Line =
  | { kind: 'work'; what: string; detail: string; value: number | null; cancellable: boolean }
  | { kind: 'error'; text: string }
  | null;

interface Props {
  line: Line;
  onCancel: () => void;
  onDismiss: () => void;
  /** Shown when nothing is to be said. */
  children?: ReactNode;
}

/** Work shorter than this is not announced: during a drag the line would flicker. */
const PATIENCE_MS = 350;

export function WorkLine({ line, onCancel, onDismiss, children }: Props) {
  const working = line?.kind === 'work';
  const [patient, setPatient] = useState(true);
  useEffect(() => {
    setPatient(true);
    if (!working) return;
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [working]);

  if (line?.kind === 'error')
    return (
      <div className="work-line">
        <Note tone="error" onDismiss={onDismiss}>
          {line.text}
        </Note>
      </div>
    );
  if (line?.kind === 'work' && !patient)
    return (
      <div className="work-line">
        <ProgressLine
          what={line.what}
          detail={line.detail}
          value={line.value}
          onCancel={line.cancellable ? onCancel : undefined}
        />
      </div>
    );
  return children;
}
