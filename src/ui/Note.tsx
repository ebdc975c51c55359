import { CircleAlert, Info, TriangleAlert, X } from 'lucide-react';
import type { ReactNode } from 'react';
import './Note.css';

interface Props {
  tone: 'error' | 'warn' | 'info';
  children: ReactNode;
  actions?: ReactNode;
  onDismiss?: () => void;
}

const ICONS = { error: CircleAlert, warn: TriangleAlert, info: Info };

/** What happened and what to do about it. Errors are announced at once. */
export function Note({ tone, children, actions, onDismiss }: Props) {
  const Icon = ICONS[tone];
  return (
    <div className={`note ${tone}`} role={tone === 'error' ? 'alert' : undefined}>
      <Icon aria-hidden />
      <div className="note-text">{children}</div>
      {onDismiss && (
        <button
          type="button"
          className="icon-button"
          aria-label="Dismiss"
          title="Dismiss"
          onClick={onDismiss}
        >
          <X aria-hidden />
        </button>
      )}
      {actions && <div className="note-actions">{actions}</div>}
    </div>
  );
}
