import {
  BufferTarget,
  canEncodeVideo,
  Mp4OutputFormat,
  Output,
  Quality,
  type VideoCodec,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from 'mediabunny';
import { InnateError } from '../../lib/errors';
import type { VideoKind } from '../../protocol/exports';
import { enlarge } from './enlarge';

interface Options {
  /** Pixels of the images' side. */
  resolution: number;
  /** How many times larger each pixel is written. */
  scale: number;
  fps: number;
}

type Container = NonNullable<VideoKind>['container'];

/** What is tried, first what most programs play. */
const CHOICES: readonly {
  container: Container;
  codec: VideoCodec;
  name: NonNullable<VideoKind>['codec'];
}[] = [
  { container: 'mp4', codec: 'avc', name: 'H.264' },
  { container: 'webm', codec: 'vp9', name: 'VP9' },
  { container: 'webm', codec: 'vp8', name: 'VP8' },
  { container: 'webm', codec: 'av1', name: 'AV1' },
];

const quality = () => new Quality('very-high');

async function choose({ resolution, scale, fps }: Options): Promise<(typeof CHOICES)[number] | null> {
  const side = even(resolution * scale);
  const size = { width: side, height: side, quality: quality(), frameRate: fps };
  for (const choice of CHOICES) if (await canEncodeVideo(choice.codec, size)) return choice;
  return null;
}

/** How this browser would write such a video. */
export async function videoKind(options: Options): Promise<VideoKind> {
  const choice = await choose(options);
  return choice && { container: choice.container, codec: choice.name };
}

/** A video of frames of equal length, by the browser's own encoder. */
export class VideoWriter {
  private count = 0;

  private constructor(
    private readonly options: Options,
    private readonly output: Output<Mp4OutputFormat | WebMOutputFormat, BufferTarget>,
    private readonly source: VideoSampleSource,
    private readonly type: string,
  ) {}

  static async open(options: Options): Promise<VideoWriter> {
    const choice = await choose(options);
    if (!choice)
      throw new InnateError('unsupported', 'this browser cannot encode video of this size', {
        hint: 'Export a GIF or the frames as a zip, or use Chrome, Edge or Safari',
      });
    const format =
      choice.container === 'mp4' ? new Mp4OutputFormat({ fastStart: 'in-memory' }) : new WebMOutputFormat();
    const output = new Output({ format, target: new BufferTarget() });
    const source = new VideoSampleSource({ codec: choice.codec, quality: quality(), keyFrameInterval: 1 });
    output.addVideoTrack(source, { frameRate: options.fps });
    await output.start();
    return new VideoWriter(options, output, source, format.mimeType);
  }

  /** One opaque image, RGBA; resolves when the encoder takes more. */
  async add(rgba: Uint8ClampedArray<ArrayBuffer>): Promise<void> {
    const { resolution, scale, fps } = this.options;
    const large = enlarge(rgba, { width: resolution, height: resolution, scale, stride: 4 });
    const side = resolution * scale;
    const sample = new VideoSample(evenSided(large, side), {
      format: 'RGBX',
      codedWidth: even(side),
      codedHeight: even(side),
      timestamp: this.count / fps,
      duration: 1 / fps,
    });
    this.count++;
    try {
      await this.source.add(sample);
    } finally {
      sample.close();
    }
  }

  async finish(): Promise<Blob> {
    await this.output.finalize();
    return new Blob([this.output.target.buffer!], { type: this.type });
  }

  async close(): Promise<void> {
    if (this.output.state === 'started') await this.output.cancel();
  }
}

/** Colour is stored for squares of two by two pixels. */
const even = (side: number): number => side + (side % 2);

/** The image with its last column and row once more where its side is odd. */
function evenSided(rgba: Uint8ClampedArray<ArrayBuffer>, side: number): Uint8ClampedArray<ArrayBuffer> {
  if (side % 2 === 0) return rgba;
  const out = new Uint8ClampedArray(4 * (side + 1) ** 2);
  for (let y = 0; y <= side; y++)
    for (let x = 0; x <= side; x++) {
      const from = 4 * (Math.min(y, side - 1) * side + Math.min(x, side - 1));
      out.set(rgba.subarray(from, from + 4), 4 * (y * (side + 1) + x));
    }
  return out;
}
