import avifDecoder from '@jsquash/avif/codec/dec/avif_dec.wasm?url';
import jpegDecoder from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?url';
import webpDecoder from '@jsquash/webp/codec/dec/webp_dec.wasm?url';
import { createDecoders, type Dataset, openDataset, type WasmFormat } from '../../data';
import { readSafetensors } from '../../formats/safetensors';
import { blobSource, bufferSource, type Source } from '../../formats/source';
import { InnateError } from '../../lib/errors';
import type { NetworkConfig } from '../../nn/config';
import type { WeightSource } from '../../nn/weights';
import type { DataRef } from '../../protocol/models';
import { fetchBytes } from '../../storage/fetch';
import { checkpointWeights } from './weights';

const MODULES: Record<WasmFormat, string> = { jpeg: jpegDecoder, webp: webpDecoder, avif: avifDecoder };

/** What the worker fetches from its own site beside the models: data, decoders, feature networks. */
export class PageData {
  private readonly features = new Map<string, Promise<WeightSource>>();

  /** Each is fetched when the first image of its format is met, and stays. */
  private readonly decoders = createDecoders({
    wasm: (format) => fetchBytes(new URL(MODULES[format], location.href).href),
  });

  constructor(private readonly modelsUrl: string) {}

  /** `cacheBytes`: of decoded images that stay in memory; what reads each image once wants none. */
  async open(
    ref: DataRef,
    { unet }: NetworkConfig,
    onProgress: (done: number, total: number) => void,
    cacheBytes?: number,
  ): Promise<Dataset> {
    return openDataset(await this.sources(ref, onProgress), {
      ...(cacheBytes !== undefined && { cacheBytes }),
      channels: unet.inChannels,
      resolution: unet.imgResolution,
      decoders: this.decoders,
    });
  }

  /** A person's own files as they are, small: for a look before they are used. */
  look(files: readonly File[], name: string, resolution: number): Promise<Dataset> {
    const nothing = () => {};
    const sources = this.sources({ kind: 'files', files: [...files], name }, nothing);
    return sources.then((found) => openDataset(found, { resolution, decoders: this.decoders }));
  }

  /** public/features/NAME.safetensors, fetched once. */
  feature = (name: string): Promise<WeightSource> => {
    let weights = this.features.get(name);
    if (!weights) {
      weights = fetchBytes(new URL(`../features/${name}.safetensors`, this.modelsUrl).href).then((bytes) =>
        checkpointWeights(readSafetensors(bufferSource(bytes, name))),
      );
      weights.catch(() => this.features.delete(name)); // may be tried again
      this.features.set(name, weights);
    }
    return weights;
  };

  private async sources(
    ref: DataRef,
    onProgress: (done: number, total: number) => void,
  ): Promise<Source | Source[]> {
    if (ref.kind === 'files') {
      if (ref.files.length === 0)
        throw new InnateError('bad-argument', 'no files were chosen', { where: ref.name });
      const path = (file: File) => file.webkitRelativePath || file.name;
      return ref.files.map((file) => blobSource(file, path(file)));
    }
    const index = new URL('../data/index.json', this.modelsUrl).href;
    const { packs } = JSON.parse(new TextDecoder().decode(await fetchBytes(index))) as {
      packs: { id: string; path: string; sha256: string }[];
    };
    const pack = packs.find((p) => p.id === ref.id);
    if (!pack)
      throw new InnateError('not-found', 'no such sample pack', {
        where: ref.id,
        expected: packs.map((p) => p.id).join(', '),
      });
    const bytes = await fetchBytes(new URL(`../data/${pack.path}`, this.modelsUrl).href, {
      sha256: pack.sha256,
      onProgress,
    });
    return bufferSource(bytes, pack.path);
  }
}
