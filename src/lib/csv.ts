/** A text as a field of CSV: commas and quotes stay in it, and what a spreadsheet would compute is text. */
export const csvText = (text: string): string =>
  `"${(/^[=+\-@]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
