import { X } from 'lucide-react';
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import './Dialog.css';

interface Props {
  title: string;
  children: ReactNode;
  onClose: () => void;
  /** Fills a narrow screen. */
  full?: boolean;
}

/**
 * A modal dialog of the browser's own: it traps the focus, closes on Escape and gives the focus back. The focus begins at
 * the element with `data-autofocus`, else at the first one.
 */
export function Dialog({ title, children, onClose, full }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // A layout effect: its clean-up runs while the element is still in the page, else the focus is lost.
  useLayoutEffect(() => {
    const element = dialog.current!;
    if (!element.open) element.showModal();
    element.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    return () => element.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={full ? 'dialog full' : 'dialog'}
      aria-labelledby={id}
      // Asked for again: a close event comes late, and the dialog may have been shown anew since.
      onClose={() => !dialog.current?.open && onClose()}
      // A click beside the panel lands on the dialog element itself. Keyboards have Escape.
      onClick={(event) => event.target === dialog.current && onClose()}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className="dialog-panel">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" aria-label="Close" title="Close" onClick={onClose}>
            <X aria-hidden />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
