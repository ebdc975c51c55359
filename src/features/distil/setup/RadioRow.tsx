interface Props {
  /** The rows of one name exclude each other. */
  group: string;
  title: string;
  about: string;
  checked: boolean;
  disabled?: boolean;
  /** The title is a file's name: it may break anywhere. */
  file?: boolean;
  onChoose: () => void;
}

/** One of several choices, with a line on what it means. */
export function RadioRow({ group, title, about, checked, disabled, file = false, onChoose }: Props) {
  return (
    <label className="radio">
      <input type="radio" name={group} checked={checked} disabled={disabled} onChange={onChoose} />
      <strong className={file ? 'file-name' : undefined}>{title}</strong>
      <span className="secondary">{about}</span>
    </label>
  );
}
