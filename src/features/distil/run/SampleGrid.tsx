import { PictureCanvas, type PictureSource } from '../../../ui/PictureCanvas';

interface Props {
  label: string;
  seeds: readonly number[];
  /** Pictures in the order of the seeds. */
  source: PictureSource;
  columns: number;
  /** Edge of a picture, CSS pixels. */
  size: number;
}

/** One picture a seed. */
export function SampleGrid({ label, seeds, source, columns, size }: Props) {
  return (
    <ul
      className="image-grid"
      aria-label={label}
      style={{ gridTemplateColumns: `repeat(${columns}, ${size}px)` }}
    >
      {seeds.map((seed, i) => (
        <li key={seed}>
          <PictureCanvas source={source} index={i} size={size} />
        </li>
      ))}
    </ul>
  );
}
