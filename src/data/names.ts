/** Formats that are not read are listed too: a set of HEICs must not look like an empty one. */
const IMAGE = /\.(png|apng|jpe?g|jpe|jfif|mpo|webp|gif|bmp|dib|tiff?|avif|hei[cf]|jxl|jp2|ppm|pgm)$/i;
/** Files that systems leave in folders and archives; Synology's are in @eaDir; macOS's begin with '._' and bear the image's own name. */
const LITTER = /(^|\/)(\.[^/]|__MACOSX\/|@eaDir\/|Thumbs\.db$|desktop\.ini$)/i;

export const isLitter = (name: string): boolean => LITTER.test(name);
export const isImageName = (name: string): boolean => IMAGE.test(name) && !isLitter(name);

/** A path as all comparisons here have it: forward slashes, nothing like './' in front, composed Unicode. */
export const plainName = (name: string): string =>
  name
    .replaceAll('\\', '/')
    .replace(/^(\.?\/)+/, '')
    .normalize('NFC');

export const byName = (a: { name: string }, b: { name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
