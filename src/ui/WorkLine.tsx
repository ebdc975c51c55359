import { type ReactNode, useEffect, useState } from 'react';
import { Note } from './Note';

import { ProgressLine } from './ProgressLine';
import './WorkLine.css';

type Line =
  | { kind: 'work'; what: string; detail: string; value: number | null; cancellable: boolean }
  /** `choose`: what a person can choose so that it succeeds. */
  | { kind: 'error'; text: string; choose: readonly string[] }
  | null;

interface Props {
  line: Line;
  onCancel: () => void;
  onDismiss: () => void;
  onChoose: (choice: string) => void;
  /** Shown when nothing is to be said. */
  children?: ReactNode;
}

/** Work shorter than this is not announced: during a drag the line would flicker. */
const PATIENCE_MS = 350;

export function WorkLine({ line, onCancel, onDismiss, onChoose, children }: Props) {
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
        <Note
          tone="error"
          onDismiss={onDismiss}
          actions={
            line.choose.length > 0 &&
            line.choose.map((choice) => (
              <button key={choice} type="button" className="button" onClick={() => onChoose(choice)}>
                {choice}
              </button>
            ))
          }
        >
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
