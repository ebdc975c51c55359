import type { Exporter } from '../../state/export/exporter';

/**
 * Puts the shown image into the clipboard as a PNG; false where the browser does not allow it. The clipboard is asked at
 * once and given the picture later: some browsers allow it only while a press is handled.
 */
export async function copyImage(exporter: Promise<Exporter>): Promise<boolean> {
  const png = exporter
    .then((found) => found.shownPng())
    .then((blob) => blob ?? Promise.reject(new Error('there is no image')));
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
    return true;
  } catch {
    png.catch(() => {}); // nobody asks for it any more
    return false;
  }
}
