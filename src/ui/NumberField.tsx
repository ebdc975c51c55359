import { useEffect, useState } from 'react';
import { formatNumber } from './format';

interface Props {
  label: string;
  value: number;
  min: number;
  max: number;
  /** What the up and down keys add; none where steps make no sense. */
  step?: number;
  whole?: boolean;
  /** Shown instead of the number until someone edits it. */
  text?: string;
  format?: (value: number) => string;
  onCommit: (value: number) => void;
}

/** A number that can be typed; taken over on Enter or when the field is left. Escape gives the old one back. */
export function NumberField({
  label,
  value,
  min,
  max,
  step,
  whole,
  text,
  format = formatNumber,
  onCommit,
}: Props) {
  const shown = text ?? format(value);
  const [draft, setDraft] = useState<string | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new value from elsewhere ends the edit
  useEffect(() => setDraft(null), [value, text]);

  const commit = () => {
    if (draft === null) return;
    const number = draft.trim() === '' ? Number.NaN : Number(draft.trim().replace(',', '.'));
    setDraft(null);
    if (!Number.isFinite(number)) return;
    onCommit(Math.min(max, Math.max(min, whole ? Math.round(number) : number)));
  };
  const nudge = (by: number) => {
    const next = Math.min(max, Math.max(min, Number((value + by).toFixed(6))));
    setDraft(null);
    onCommit(next);
  };

  return (
    <input
      className="number"
      type="text"
      inputMode={whole ? 'numeric' : 'decimal'}
      autoComplete="off"
      aria-label={label}
      value={draft ?? shown}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        else if (event.key === 'Escape') setDraft(null);
        else if (step !== undefined && event.key === 'ArrowUp') nudge(event.shiftKey ? step * 10 : step);
        else if (step !== undefined && event.key === 'ArrowDown') nudge(-(event.shiftKey ? step * 10 : step));
        else return;
        event.preventDefault();
      }}
    />
  );
}
