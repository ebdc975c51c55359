/** Numbers as the page writes them. */

/** 0.77, 18.4, 412, 1734: three digits are what a reader compares. */
export function formatMs(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : String(Math.round(ms));
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  const mega = bytes / 1e6;
  return mega < 999.5 ? `${mega.toFixed(mega < 10 ? 1 : 0)} MB` : `${(mega / 1000).toFixed(2)} GB`;
}

/** 3.4 M, 56.4 M, 296 M. */
export function formatCount(count: number): string {
  if (count < 1e3) return String(count);
  if (count < 1e6) return `${Math.round(count / 1e3)} k`;
  const mega = count / 1e6;
  return `${mega < 99.95 ? mega.toFixed(1) : Math.round(mega)} M`;
}

/** At most four decimals, no trailing zeros. */
export const formatNumber = (value: number): string => String(Math.round(value * 1e4) / 1e4);
