import { type RefObject, useRef, useState } from 'react';
import { usePrefs } from '../../state/react';
import { PictureCanvas, type PictureSource } from '../../ui/PictureCanvas';
import { useSpace } from '../../ui/use-space';
import { useTouch } from '../../ui/use-touch';

/** The place of a selected image, and how many CSS pixels each of its own takes there: whole numbers of the screen's. */
export function useHero(resolution: number): { room: RefObject<HTMLDivElement | null>; shown: number } {
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const multiple = Math.max(1, Math.floor(((space?.width ?? 256) * devicePixelRatio) / resolution));
  return { room, shown: multiple / devicePixelRatio };
}

interface Props extends ReturnType<typeof useHero> {
  source: PictureSource;
  index: number;
  /** Pixels of the image's side. */
  resolution: number;
}

/** How many times two fingers can enlarge it. */
const MOST = 4;

/** The selected image, large; two fingers make it larger, and then it scrolls in its place. */
export function Hero({ room, shown, source, index, resolution }: Props) {
  const smooth = usePrefs((p) => p.smooth);
  const [times, setTimes] = useState(1);
  useTouch(room, {
    onPinch: (direction) => setTimes((before) => Math.min(MOST, Math.max(1, before + direction))),
  });
  return (
    <div ref={room} className={smooth ? 'hero smooth' : 'hero'} data-enlarged={times > 1 || undefined}>
      {/* Named in the grid; here it would be the same image twice. */}
      <PictureCanvas source={source} index={index} size={resolution * shown * times} decorative />
    </div>
  );
}
