import './ProgressLine.css';

interface Props {
  /** What is being done, in bold. */
  what: string;
  detail: string;
  /** 0 to 1; null where the total is not known. */
  value: number | null;
  onCancel?: (() => void) | undefined;
  /** What the button is called, for eyes and for screen readers, where that is not Cancel alone. */
  cancel?: { word: string; label: string };
  /** Shows where it is done. */
  onShow?: (() => void) | undefined;
}

/** One line, one total. */
export function ProgressLine({ what, detail, value, onCancel, cancel, onShow }: Props) {
  const percent = value === null ? null : Math.round(value * 100);
  return (
    <div className="progress">
      <p>
        {onShow ? (
          <button type="button" className="link" onClick={onShow}>
            {what}
          </button>
        ) : (
          <strong>{what}</strong>
        )}{' '}
        <span className="secondary">{detail}</span>
      </p>
      <span className="secondary">{percent === null ? '' : `${percent} %`}</span>
      {onCancel && (
        <button type="button" className="button quiet" aria-label={cancel?.label} onClick={onCancel}>
          {cancel?.word ?? 'Cancel'}
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
