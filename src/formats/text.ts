const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const windows1252 = new TextDecoder('latin1');

/** Text from files, cut down so that a hostile name cannot fill a message. */
export function quote(text: unknown, limit = 80): string {
  const s = String(text);
  return `'${s.length > limit ? `${s.slice(0, limit)}…` : s}'`;
}

/** At most `limit` of the items, quoted, then how many more there are. */
export function listed(items: Iterable<unknown>, limit = 12): string {
  const shown: string[] = [];
  let more = 0;
  for (const item of items) {
    if (shown.length < limit) shown.push(quote(item, 40));
    else more++;
  }
  if (shown.length === 0) return 'nothing';
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Malformed sequences become U+FFFD. */
export function utf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** True latin-1: TextDecoder's is windows-1252, which maps 0x80-0x9f elsewhere. */
export function latin1(bytes: Uint8Array): string {
  let ascii = true;
  for (let i = 0; i < bytes.length && ascii; i++) ascii = bytes[i]! < 0x80;
  if (ascii) return windows1252.decode(bytes);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

/** The reverse of latin1; null when a character does not fit. */
export function latin1Bytes(text: string): Uint8Array | null {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return null;
    bytes[i] = code;
  }
  return bytes;
}
