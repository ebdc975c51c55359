import { counted } from '../lib/words';
import './Evaluations.css';

/** One tick for each network evaluation. */
export function Evaluations({ count, role }: { count: number; role: 'teacher' | 'student' | 'unknown' }) {
  const pitch = count > 100 ? 1 : count > 50 ? 2 : 4;
  const width = count * pitch;
  return (
    <svg
      className={`evaluations is-${role}`}
      viewBox={`0 0 ${width} 10`}
      style={{ inlineSize: Math.min(width, 208) }}
      preserveAspectRatio="none"
      role="img"
      aria-label={counted(count, 'evaluation')}
    >
      {Array.from({ length: count }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a tick is its index
        <rect key={i} x={i * pitch} y="0" width={Math.max(1, pitch / 2)} height="10" />
      ))}
    </svg>
  );
}
