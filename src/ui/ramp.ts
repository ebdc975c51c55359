import { useEffect, useState } from 'react';

/** A colour scale of the theme: eleven stops from 0 to 1, sRGB bytes. */
export type Ramp = readonly (readonly [number, number, number])[];

export interface Ramps {
  /** 0 is the colour of the page. */
  sequential: Ramp;
  /** 0.5 is the colour of the page; blue below, orange above. */
  diverging: Ramp;
  ink: string;
  ink2: string;
  ink3: string;
  ground: string;
  line: string;
  mark: string;
  teacher: string;
  student: string;
}

const STOPS = 11;

/** The tokens of the theme in force, resolved to what canvases and files can use. */
function readRamps(): Ramps {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const resolve = (token: string): string => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const bytes = (colour: string): [number, number, number] => {
    const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
    return colour.startsWith('color(') ? [r * 255, g * 255, b * 255] : [r, g, b];
  };
  const ramp = (prefix: string): Ramp =>
    Array.from({ length: STOPS }, (_, i) => bytes(resolve(`--${prefix}-${i}`)));
  try {
    return {
      sequential: ramp('seq'),
      diverging: ramp('div'),
      ink: resolve('--ink'),
      ink2: resolve('--ink-2'),
      ink3: resolve('--ink-3'),
      ground: resolve('--ground'),
      line: resolve('--line'),
      mark: resolve('--mark'),
      teacher: resolve('--teacher'),
      student: resolve('--student'),
    };
  } finally {
    probe.remove();
  }
}

/** Follows the theme. */
export function useRamps(): Ramps {
  const [ramps, setRamps] = useState(readRamps);
  useEffect(() => {
    const read = () => setRamps(readRamps());
    read();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', read);
    const observer = new MutationObserver(read);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      dark.removeEventListener('change', read);
      observer.disconnect();
    };
  }, []);
  return ramps;
}

/** Colour at 0 to 1, bytes. */
export function rampBytes(ramp: Ramp, at: number): [number, number, number] {
  const place = Math.min(1, Math.max(0, at)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(place));
  const t = place - low;
  const [a, b] = [ramp[low]!, ramp[low + 1]!];
  const mix = (i: 0 | 1 | 2) => Math.round(a[i] + t * (b[i] - a[i]));
  return [mix(0), mix(1), mix(2)];
}

export const rampColour = (ramp: Ramp, at: number): string => `rgb(${rampBytes(ramp, at).join(' ')})`;

/** The form that every reader of SVG knows. */
export const hexColour = (bytes: readonly number[]): string =>
  `#${bytes.map((b) => Math.round(b).toString(16).padStart(2, '0')).join('')}`;
