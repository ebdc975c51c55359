import { whole } from './words';

/** Measured numbers for people: the page, its sheets and the command line's write them alike. */

/** 0.77, 18.4, 412, 1,734: three digits are what a reader compares. */
export function formatMs(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : whole(ms);
}

/** 3.4 M, 56.4 M, 296 M. */
export function formatCount(count: number): string {
  if (count < 1e3) return whole(count);
  if (count < 1e6) return `${Math.round(count / 1e3)} k`;
  const mega = count / 1e6;
  return `${mega < 99.95 ? mega.toFixed(1) : Math.round(mega)} M`;
}

/** At most four decimals, no trailing zeros. */
export const formatNumber = (value: number): string => String(Math.round(value * 1e4) / 1e4);

/** Three digits of a measured value: 0.0412, 1.27, 24.1, 310. */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return formatSmall(Number(value.toPrecision(2)));
  return (size >= 100 ? whole(value) : value.toPrecision(3)).replace('-', '−');
}

/** 2e-4, 1.5e-4, 0.01: rates and weights, as one types them. */
export function formatSmall(value: number): string {
  return value !== 0 && Math.abs(value) < 0.01 ? value.toExponential().replace('e+', 'e') : String(value);
}
