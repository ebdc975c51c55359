import { InnateError } from '../../lib/errors';
import type { Picture } from '../types';
import { decodeBmp } from './bmp';
import { type ImageFormat, notAnImage, sniffImage } from './header';
import { jpegHeader } from './jpeg-header';
import { checkSize, MAX_PIXELS } from './limits';
import { upright } from './orientation';
import { decodePng } from './png';
import { WasmCodec, type WasmInput } from './wasm-codec';
import { decodeWebp } from './webp';

/** Decodes images of all formats that are read, by content, never by name; upright, and the first of several frames. */
export interface Decoders {
  /** Throws an InnateError when the bytes are no image, a damaged one, or one too large. */
  decode(bytes: Uint8Array, where: string): Promise<Picture>;
}

/** Formats whose decoder is a WebAssembly module. */
export type WasmFormat = 'jpeg' | 'webp' | 'avif';

export interface DecoderOptions {
  /**
   * The module of a format, asked for when the first image of that format is met: codec/dec/mozjpeg_dec.wasm of
   * @jsquash/jpeg, webp_dec.wasm of @jsquash/webp, avif_dec.wasm of @jsquash/avif. null = there is none.
   */
  readonly wasm: (format: WasmFormat) => Promise<WasmInput | null>;
  /** Larger pictures are refused from their header. */
  readonly maxPixels?: number;
}

/**
 * Decoders that are loaded as formats are met: WebAssembly through the caller (a page by URL, Node from a file), the
 * rarer JavaScript ones as chunks of their own.
 */
export function createDecoders({ wasm, maxPixels = MAX_PIXELS }: DecoderOptions): Decoders {
  const codecs = new Map<WasmFormat, Promise<WasmCodec>>();
  const codec = (format: WasmFormat, where: string): Promise<WasmCodec> => {
    let found = codecs.get(format);
    if (!found) {
      found = loadCodec(format, wasm, where);
      found.catch(() => codecs.delete(format)); // may be tried again
      codecs.set(format, found);
    }
    return found;
  };
  const byFormat: Record<ImageFormat, (bytes: Uint8Array, where: string) => Picture | Promise<Picture>> = {
    png: (bytes, where) => decodePng(bytes, where, maxPixels),
    bmp: (bytes, where) => decodeBmp(bytes, where, maxPixels),
    async jpeg(bytes, where) {
      const header = jpegHeader(bytes, where);
      checkSize(header, where, maxPixels);
      const picture =
        header.components === 4
          ? await (await import('./jpeg-cmyk')).decodeCmyk(bytes, header, where)
          : await (await codec('jpeg', where)).decode(bytes, where, header.width * header.height);
      return upright(picture, header.orientation);
    },
    webp: async (bytes, where) => decodeWebp(bytes, where, await codec('webp', where), maxPixels),
    avif: async (bytes, where) =>
      (await import('./avif')).decodeAvif(bytes, where, await codec('avif', where), maxPixels),
    gif: async (bytes, where) => (await import('./gif')).decodeGif(bytes, where, maxPixels),
    tiff: async (bytes, where) => (await import('./tiff')).decodeTiff(bytes, where, maxPixels),
  };
  return {
    async decode(bytes, where) {
      const format = sniffImage(bytes);
      if (!format) throw notAnImage(bytes, where);
      return byFormat[format](bytes, where);
    },
  };
}

async function loadCodec(
  format: WasmFormat,
  wasm: DecoderOptions['wasm'],
  where: string,
): Promise<WasmCodec> {
  const input = await wasm(format);
  if (!input) throw new InnateError('unsupported', `no decoder for ${format} images is loaded`, { where });
  switch (format) {
    case 'jpeg':
      // False: not turned by the codec; all formats are turned in one place.
      return WasmCodec.create((await import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js')).default, input, false);
    case 'webp':
      return WasmCodec.create((await import('@jsquash/webp/codec/dec/webp_dec.js')).default, input);
    case 'avif':
      return WasmCodec.create((await import('@jsquash/avif/codec/dec/avif_dec.js')).default, input, 8);
  }
}
