import './Histogram.css';
import { formatValue } from './format';

interface Props {
  label: string;
  /** Ascending: as steps, filled. */
  real: ArrayLike<number>;
  /** Ascending: as a line; none where there is one image alone. */
  made: ArrayLike<number> | null;
  /** A place on the axis with its words. */
  mark: { value: number; words: string } | null;
}

const BINS = 32;

/** Two distributions on one axis, each by its share, and a mark: how near an image is beside how near others are. */
export function Histogram({ label, real, made, mark }: Props) {
  const all = [real[0], real[real.length - 1], made?.[0], made?.[made.length - 1], mark?.value];
  const known = all.filter((v) => v !== undefined);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const width = high - low || 1;
  const a = shares(real, low, width);
  const b = made && made.length > 1 ? shares(made, low, width) : null;
  const top = Math.max(...a, ...(b ?? [0]));
  const y = (share: number) => 100 - (94 * share) / top;
  const x = (bin: number) => (100 * bin) / BINS;
  const steps = a.map((share, i) => `${x(i)},${y(share)} ${x(i + 1)},${y(share)}`).join(' ');
  const at = mark && (100 * (mark.value - low)) / width;
  return (
    <div className="histogram">
      <div className="histogram-plot">
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label={label}>
          <polygon className="histogram-area" points={`0,100 ${steps} 100,100`} />
          <polyline className="histogram-real" points={steps} />
          {b && (
            <polyline
              className="histogram-made"
              points={b.map((share, i) => `${x(i + 0.5)},${y(share)}`).join(' ')}
            />
          )}
          {at !== null && <line className="histogram-mark" x1={at} x2={at} y1="0" y2="100" />}
        </svg>
        {mark && at !== null && (
          <em className={at > 60 ? 'before' : undefined} style={{ insetInlineStart: `${at}%` }}>
            {mark.words}
          </em>
        )}
      </div>
      <p className="histogram-axis">
        <span>{formatValue(low)}</span>
        <span>{formatValue(low + width / 2)}</span>
        <span>{formatValue(high)}</span>
      </p>
    </div>
  );
}

/** Share of the values in each bin. */
function shares(values: ArrayLike<number>, low: number, width: number): number[] {
  const out = new Array<number>(BINS).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.min(BINS - 1, Math.floor((BINS * (values[i]! - low)) / width));
    out[bin]! += 1 / values.length;
  }
  return out;
}
