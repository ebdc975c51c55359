import './Toast.css';

/** What a toast says, and the one thing that can be done about it. */
export interface ToastContent {
  text: string;
  action?: { label: string; perform: () => void } | undefined;
}

interface Props {
  content: ToastContent | null;
  onDismiss: () => void;
  /** The pointer or the focus is on it: it stays. */
  onHold: (held: boolean) => void;
}

/** A passing confirmation. The region is always there, so that screen readers hear what is put into it. */
export function Toast({ content, onDismiss, onHold }: Props) {
  return (
    <div className="toast-region" aria-live="polite">
      {content && (
        // biome-ignore lint/a11y/noStaticElementInteractions: that it stays under the pointer is no control
        <div
          className="toast"
          onPointerEnter={() => onHold(true)}
          onPointerLeave={() => onHold(false)}
          onFocus={() => onHold(true)}
          onBlur={() => onHold(false)}
        >
          <p>{content.text}</p>
          {content.action && (
            <button
              type="button"
              className="toast-action"
              onClick={() => {
                content.action?.perform();
                onDismiss();
              }}
            >
              {content.action.label}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
