import { useEffect, useRef } from 'react';
import './PictureCanvas.css';

/** Pixels and what they are called; null = decoration. */
export interface Picture {
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  name: string | null;
}

/** Where pictures come from. `get` returns the same object as long as the picture is the same. */
export interface PictureSource {
  get(index: number): Picture | null;
  subscribe(listener: () => void): () => void;
}

interface Props {
  source: PictureSource;
  index: number;
  /** CSS pixels; a whole multiple of the picture's own keeps it crisp. */
  size: number;
  /** A second view of a picture that is named elsewhere. */
  decorative?: boolean;
}

/**
 * Draws a picture and follows it without React: sixty-four of them change sixty times a second during a drag.
 */
export function PictureCanvas({ source, index, size, decorative = false }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    let shown: Picture | null | undefined;
    const draw = () => {
      const picture = source.get(index);
      if (picture === shown) return;
      shown = picture;
      paint(element, picture);
      name(element, decorative ? null : (picture?.name ?? null));
    };
    draw();
    return source.subscribe(draw);
  }, [source, index, decorative]);
  return <canvas ref={canvas} className="picture" style={{ inlineSize: size, blockSize: size }} />;
}

function paint(canvas: HTMLCanvasElement, picture: Picture | null): void {
  canvas.toggleAttribute('data-empty', picture === null);
  if (!picture) return;
  const { resolution, pixels } = picture;
  if (canvas.width !== resolution || canvas.height !== resolution) {
    canvas.width = resolution;
    canvas.height = resolution;
  }
  canvas.getContext('2d')?.putImageData(new ImageData(pixels, resolution, resolution), 0, 0);
}

function name(canvas: HTMLCanvasElement, text: string | null): void {
  if (text === null) {
    canvas.removeAttribute('role');
    canvas.removeAttribute('aria-label');
    canvas.setAttribute('aria-hidden', 'true');
  } else {
    canvas.removeAttribute('aria-hidden');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', text);
  }
}
