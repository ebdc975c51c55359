/** Numbers and sentences for people, as the page and the command line write them. */

/** A whole number with thousands separators: 10,000. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** A number of things in the right form: "1 image", "10,000 images", "2 matches". */
export const counted = (count: number, thing: string, things = `${thing}s`): string =>
  `${whole(count)} ${count === 1 ? thing : things}`;

/** A back-end for records, results and people: "wasm (2 threads)". */
export const backendLine = ({ name, label }: { name: string; label: string }): string => `${name} (${label})`;

/** A text with a capital first letter. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** 12 kB, 4.6 MB, 592 MB, 1.18 GB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${whole(bytes)} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  const mega = bytes / 1e6;
  return mega < 999.5 ? `${mega.toFixed(mega < 10 ? 1 : 0)} MB` : `${(mega / 1000).toFixed(2)} GB`;
}
