import { useEffect, useState } from 'react';
import { formatNumber } from './format';
import { typedNumber } from './typed-number';

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
  /** Takes a typed word that is no number; says whether it knows it. */
  onText?: ((text: string) => boolean) | undefined;
}

/**
 * A number that can be typed; taken over on Enter or when the field is left. Escape gives the old one back. Where nothing
 * was typed both keys are the form's and the dialog's.
 */
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
  onText,
}: Props) {
  const shown = text ?? format(value);
  const [draft, setDraft] = useState<string | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new value from elsewhere ends the edit
  useEffect(() => setDraft(null), [value, text]);

  const commit = () => {
    if (draft === null) return;
    setDraft(null);
    const number = typedNumber(draft, { min, max, whole });
    if (number !== null) onCommit(number);
    else onText?.(draft.trim());
  };
  const nudge = (by: number) => {
    const next = Math.min(max, Math.max(min, Number((value + by).toFixed(6))));
    setDraft(null);
    onCommit(next);
  };

  return (
    <input
      className="number"
      // Long numbers need room: a seed has up to ten digits.
      style={shown.length > 6 ? { inlineSize: `calc(${shown.length}ch + 10px)` } : undefined}
      type="text"
      inputMode={whole ? 'numeric' : 'decimal'}
      autoComplete="off"
      aria-label={label}
      value={draft ?? shown}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && draft !== null) commit();
        else if (event.key === 'Escape' && draft !== null) setDraft(null);
        else if (step !== undefined && event.key === 'ArrowUp') nudge(event.shiftKey ? step * 10 : step);
        else if (step !== undefined && event.key === 'ArrowDown') nudge(-(event.shiftKey ? step * 10 : step));
        else return;
        event.preventDefault();
      }}
    />
  );
}
