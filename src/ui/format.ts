/** Numbers as the page writes them. */
import { whole } from '../lib/words';

export { formatCount, formatMs, formatNumber, formatSmall, formatValue } from '../lib/figures';
export { formatBytes } from '../lib/words';

/** 10,000: a number that is read, not typed. */
export const formatWhole = whole;

/** A share: 0.4 %, 23 %; what is less is said to be so. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return 'less than 0.1 %';
  return `${percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`;
}

/** ', 12:40 left' behind something that takes long; nothing where nobody knows. */
export const leftWords = (seconds: number | null): string =>
  seconds === null ? '' : `, ${formatDuration(seconds)} left`;

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
