import { useMemo } from 'react';
import { PictureCanvas } from './PictureCanvas';

interface Props {
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** null = decoration. */
  name: string | null;
  /** CSS pixels. */
  size: number;
}

const never = () => () => {};

/** A picture that does not change. */
export function StillPicture({ pixels, resolution, name, size }: Props) {
  const source = useMemo(() => {
    const picture = { pixels, resolution, name };
    return { get: () => picture, subscribe: never };
  }, [pixels, resolution, name]);
  return <PictureCanvas source={source} index={0} size={size} />;
}
