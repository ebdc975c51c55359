/** What a person typed into a field of numbers. */
export interface NumberRange {
  min: number;
  max: number;
  whole?: boolean;
}

/**
 * The number in a text, rounded and limited to the range; null where it is none. A decimal comma, and commas, spaces
 * or apostrophes between thousands are read as they are written in different countries.
 */
export function typedNumber(text: string, { min, max, whole }: NumberRange): number | null {
  const compact = text.trim().replace(/(?<=\d)[\s'’](?=\d)/g, '');
  const grouped = /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(compact) && (whole || /,.*[,.]/.test(compact));
  const number =
    compact === '' ? Number.NaN : Number(grouped ? compact.replaceAll(',', '') : compact.replace(',', '.'));
  if (!Number.isFinite(number)) return null;
  return Math.min(max, Math.max(min, whole ? Math.round(number) : number));
}
