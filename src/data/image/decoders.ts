import jpegFactory from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import webpFactory from '@jsquash/webp/codec/dec/webp_dec.js';
import { InnateError } from '../../lib/errors';
import type { Picture } from '../types';
import { imageHeader, MAX_PIXELS } from './header';
import { decodePng } from './png';
import { WasmCodec, type WasmInput } from './wasm-codec';

/** Decodes PNG, JPEG and WebP by content, never by name. */
export interface Decoders {
  /** Throws an InnateError when the bytes are no image, a damaged one, or one too large. */
  decode(bytes: Uint8Array, where: string): Promise<Picture>;
}

export interface DecoderOptions {
  /** codec/dec/webp_dec.wasm of @jsquash/webp. */
  readonly webp?: WasmInput;
  /** codec/dec/mozjpeg_dec.wasm of @jsquash/jpeg. */
  readonly jpeg?: WasmInput;
  /** Larger pictures are refused from their header. */
  readonly maxPixels?: number;
}

/**
 * Decoders from WebAssembly that the caller has loaded: a page by URL, Node from a file. A format whose module
 * is missing is reported as unsupported.
 */
export async function createDecoders({
  webp,
  jpeg,
  maxPixels = MAX_PIXELS,
}: DecoderOptions): Promise<Decoders> {
  const codecs = {
    webp: webp && (await WasmCodec.create(webpFactory, webp)),
    // True: turned upright, as cameras note it beside the pixels.
    jpeg: jpeg && (await WasmCodec.create(jpegFactory, jpeg, true)),
  };
  return {
    async decode(bytes, where) {
      const { format, width, height } = imageHeader(bytes, where, maxPixels);
      if (format === 'png') return decodePng(bytes, where);
      const codec = codecs[format];
      if (!codec)
        throw new InnateError('unsupported', `no decoder for ${format} images is loaded`, { where });
      return codec.decode(bytes, where, width * height);
    },
  };
}
