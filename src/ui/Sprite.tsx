import './Sprite.css';

interface Props {
  url: string;
  columns: number;
  rows: number;
  index: number;
  /** CSS pixels. */
  size: number;
}

/** One tile of a sheet, as decoration. */
export function Sprite({ url, columns, rows, index, size }: Props) {
  return (
    <span
      className="sprite"
      aria-hidden
      style={{
        inlineSize: size,
        blockSize: size,
        backgroundImage: `url("${url}")`,
        backgroundSize: `${columns * size}px ${rows * size}px`,
        backgroundPosition: `${-(index % columns) * size}px ${-Math.floor(index / columns) * size}px`,
      }}
    />
  );
}
