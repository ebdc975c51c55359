import { asInnateError, badFile, InnateError } from '../../lib/errors';
import { interleaved, type Picture } from '../types';

/** A compiled module, or the bytes of its .wasm file. */
export type WasmInput = WebAssembly.Module | Uint8Array | ArrayBuffer;

interface Instance {
  decode(
    bytes: Uint8Array,
    ...options: (boolean | number)[]
  ): { width: number; height: number; data: Uint8ClampedArray } | null;
  /** Older emscripten factories return the module at once and a promise beside it. */
  ready?: Promise<Instance>;
}
/** An emscripten factory; its own types are not on npm in a usable form. */
export type CodecFactory = (options: object) => Instance | Promise<Instance>;

/** WebAssembly memory never shrinks: after a picture of more pixels the instance is given up. */
const KEEP_PIXELS = 2 ** 22;

/**
 * Messages by which libjpeg says that it invented pixels. Stray bytes between segments ("extraneous bytes") are
 * common in files that are otherwise whole.
 */
const LOSS = /premature end|corrupt jpeg data(?!.*extraneous)|invalid|bogus|unsupported/i;

/**
 * One decoder compiled to WebAssembly, instantiated from a module that the caller supplies: the same code gives
 * the same pixels in a page and in Node. An instance that failed is never used again, as it may have lost memory
 * or be in the middle of something.
 */
export class WasmCodec {
  private instance: Instance | null = null;
  private messages: string[] = [];

  private constructor(
    private readonly factory: CodecFactory,
    private readonly module: WebAssembly.Module,
    private readonly options: readonly (boolean | number)[],
  ) {}

  /** `options` follow the bytes in each call; the codec wants exactly its own number of them. */
  static async create(
    factory: unknown,
    wasm: WasmInput,
    ...options: (boolean | number)[]
  ): Promise<WasmCodec> {
    try {
      const module =
        wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm as BufferSource);
      return new WasmCodec(factory as CodecFactory, module, options);
    } catch (error) {
      throw asInnateError(error, 'backend');
    }
  }

  /** RGBA. `pixels` is how many the header speaks of. */
  async decode(bytes: Uint8Array, where: string, pixels: number): Promise<Picture> {
    const instance = this.instance ?? (await this.instantiate());
    // Concurrent callers may wait for an instance; from here on nothing is awaited.
    this.instance = null;
    this.messages = [];
    let result: ReturnType<Instance['decode']>;
    try {
      result = instance.decode(bytes, ...this.options);
    } catch (error) {
      throw badFile('the image is damaged', { where, found: this.messages[0] ?? failure(error) }, error);
    }
    if (pixels <= KEEP_PIXELS) this.instance = instance;
    const message = this.messages.find((m) => LOSS.test(m));
    if (!result || message) throw badFile('the image is damaged or cut off', { where, found: message });
    const { width, height, data } = result;
    if (data.length !== 4 * width * height)
      throw badFile('the pixels of the image do not match its size', {
        where,
        found: `${width} x ${height}`,
      });
    return interleaved(width, height, 4, data);
  }

  private async instantiate(): Promise<Instance> {
    try {
      const made = this.factory({
        noInitialRun: true,
        print: (line: string) => this.note(line),
        printErr: (line: string) => this.note(line),
        instantiateWasm: (imports: WebAssembly.Imports, done: (i: WebAssembly.Instance) => void) => {
          const instance = new WebAssembly.Instance(this.module, imports);
          done(instance);
          return instance.exports;
        },
      });
      return await ('ready' in made && made.ready ? made.ready : made);
    } catch (error) {
      throw new InnateError(
        'backend',
        'an image decoder could not be started',
        { found: String(error) },
        error,
      );
    }
  }

  private note(line: string): void {
    if (this.messages.length < 8) this.messages.push(line.slice(0, 120));
  }
}

const failure = (error: unknown) => (error instanceof Error ? error.message.slice(0, 120) : undefined);
