import './ProgressLine.css';

interface Props {
  /** What is being done, in bold. */
  what: string;
  detail: string;
  /** 0 to 1; null where the total is not known. */
  value: number | null;
  onCancel?: () => void;
}

/** One line, one total. */
export function ProgressLine({ what, detail, value, onCancel }: Props) {
  const percent = value === null ? null : Math.round(value * 100);
  return (
    <div className="progress">
      <p>
        <strong>{what}</strong> <span className="secondary">{detail}</span>
      </p>
      <span className="secondary">{percent === null ? '' : `${percent} %`}</span>
      {onCancel && (
        <button type="button" className="button quiet" onClick={onCancel}>
          Cancel
        </button>
      )}
      <div
        className="track"
        role="progressbar"
        aria-label={what}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
      >
        <i style={{ inlineSize: `${percent ?? 0}%` }} />
      </div>
    </div>
  );
}
