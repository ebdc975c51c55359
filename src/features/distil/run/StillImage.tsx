import { useEffect, useRef } from 'react';
import type { Snapshot } from '../../../state/distil/store';

interface Props {
  samples: Pick<Snapshot, 'pixels' | 'resolution'>;
  /** The first so many seeds, beside each other. */
  count: number;
  /** Edge of one, CSS pixels. */
  size: number;
}

/** Samples as decoration: they are named elsewhere. */
export function StillImage({ samples, count, size }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixels, resolution } = samples;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const bytes = resolution ** 2 * 4;
    for (let i = 0; i < count && (i + 1) * bytes <= pixels.length; i++)
      context.putImageData(
        new ImageData(pixels.slice(i * bytes, (i + 1) * bytes), resolution, resolution),
        i * resolution,
        0,
      );
  }, [pixels, resolution, count]);
  return (
    <canvas
      ref={canvas}
      className="picture"
      aria-hidden
      width={count * resolution}
      height={resolution}
      style={{ inlineSize: count * size, maxInlineSize: '100%' }}
    />
  );
}
