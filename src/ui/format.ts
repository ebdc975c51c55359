/** Numbers as the page writes them. */
import { whole } from '../lib/words';

export { formatBytes } from '../lib/words';

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

/** 10,000: a number that is read, not typed. */
export const formatWhole = whole;

/** Three digits of a measured value: 0.0412, 1.27, 24.1, 310. */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return formatSmall(Number(value.toPrecision(2)));
  return (size >= 100 ? whole(value) : value.toPrecision(3)).replace('-', '−');
}

/** A share: 0.4 %, 23 %; what is less is said to be so. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return 'less than 0.1 %';
  return `${percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`;
}

/** 2e-4, 1.5e-4, 0.01: rates and weights, as one types them. */
export function formatSmall(value: number): string {
  return value !== 0 && Math.abs(value) < 0.01 ? value.toExponential().replace('e+', 'e') : String(value);
}

/** 0:09, 12:40, 3 h 05 min, 4 d 2 h. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
