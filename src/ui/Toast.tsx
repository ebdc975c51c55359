import './Toast.css';

/** A passing confirmation. The region is always there, so that screen readers hear what is put into it. */
export function Toast({ text }: { text: string | null }) {
  return (
    <div className="toast-region" aria-live="polite">
      {text && <p className="toast">{text}</p>}
    </div>
  );
}
