/** How many images stand beside each other and how large they are, CSS pixels. */
export interface GridLayout {
  columns: number;
  /** Edge of an image. */
  size: number;
}

export interface Space {
  width: number;
  /** null = the page scrolls. */
  height: number | null;
  count: number;
  resolution: number;
  gap: number;
  /** Device pixels per CSS pixel. */
  ratio: number;
  /** Images side by side where the page scrolls. */
  columns: number;
}

/** Smallest edge that is still a target for a finger and a picture for an eye. */
const SMALLEST = 44;

/**
 * The largest whole multiple, counted in device pixels, at which all images fit the space. Where the page
 * scrolls the wanted number of columns decides.
 */
export function layOut({ width, height, count, resolution, gap, ratio, columns }: Space): GridLayout {
  const edge = (k: number) => (resolution * k) / ratio;
  const across = (size: number) => Math.max(1, Math.floor((width + gap + 0.01) / (size + gap)));
  // Multiples of the ratio look the same size as on other screens; others only where nothing else fits.
  const fits = (k: number): boolean => {
    const size = edge(k);
    if (size > width) return false;
    if (height === null) return across(size) >= Math.min(columns, count);
    return Math.ceil(count / across(size)) * (size + gap) - gap <= height;
  };
  const least = Math.max(1, Math.ceil((SMALLEST * ratio) / resolution));
  let k = least;
  for (let next = least; edge(next) <= width; next++) if (fits(next)) k = next;
  const size = edge(k);
  return { size, columns: Math.min(across(size), count) };
}
