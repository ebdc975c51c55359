import { FolderOpen, type LucideIcon } from 'lucide-react';
import type { Ref } from 'react';
import './FileButton.css';

interface Props {
  /** Words on the button; they name its file input too. */
  label: string;
  /** Looks beside those of a button: 'primary', 'quiet'. */
  className?: string;
  icon?: LucideIcon;
  title?: string;
  accept?: string;
  /** A folder is chosen, with all files in it. */
  folder?: boolean;
  input?: Ref<HTMLInputElement>;
  onFiles: (files: File[]) => void;
}

/** A button that chooses files. The native input lies invisible over it: keyboards and screen readers know it. */
export function FileButton({ label, className, icon: Icon = FolderOpen, title, accept, ...props }: Props) {
  const { folder = false, input, onFiles } = props;
  return (
    <label className={className ? `file-button button ${className}` : 'file-button button'} title={title}>
      <Icon aria-hidden />
      <span>{label}</span>
      <input
        ref={input}
        type="file"
        multiple={!folder}
        accept={accept}
        // React knows no better name for it.
        {...(folder && { webkitdirectory: '' })}
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = ''; // so that the same files can be chosen again
        }}
      />
    </label>
  );
}
