interface Props {
  group: string;
  title: string;
  about: string;
  checked: boolean;
  onChoose: () => void;
}

/** One of several, with a line on what it means. */
export function Radio({ group, title, about, checked, onChoose }: Props) {
  return (
    <label className="measure-radio">
      <input type="radio" name={`measure-${group}`} checked={checked} onChange={onChoose} />
      <span>
        <strong>{title}</strong>
        <span className="secondary">{about}</span>
      </span>
    </label>
  );
}
