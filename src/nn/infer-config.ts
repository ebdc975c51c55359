import { badFile, InnateError } from '../lib/errors';

/** What the inference looks at: names and shapes, and the values of one small buffer. */
export interface NamedShapes {
  keys(): Iterable<string>;
  shape(name: string): readonly number[] | undefined;
  /** Values of a small tensor; only called for resampling filters. */
  values(name: string): Float32Array;
}

/**
 * The constructor arguments of a network, read off its tensor names and shapes, in the form that
 * `configFromKwargs` takes. What they leave open is absent: `embedding_type`, when the file may lack its buffers
 * (`checkEmbedding`). Throws when the names are not those of SongUNet or DhariwalUNet.
 */
export function kwargsFromShapes(tensors: NamedShapes): Map<string, unknown> {
  const names = [...tensors.keys()];
  const stem = names
    .map((n) => /^model\.enc\.(\d+)x\1_conv\.weight$/.exec(n))
    .find((match) => match !== null);
  if (!stem) throw notOfTheFamily(names);

  const shapeOf = (name: string): readonly number[] => {
    const shape = tensors.shape(`model.${name}`);
    if (!shape) throw notOfTheFamily(names, `model.${name}`);
    return shape;
  };
  const has = (pattern: RegExp) => names.some((n) => pattern.test(n));
  const distinct = (pattern: RegExp) => {
    const found = new Set<number>();
    for (const n of names) {
      const match = pattern.exec(n);
      if (match) found.add(Number(match[1]));
    }
    return [...found].sort((a, b) => b - a);
  };

  const resolution = Number(stem[1]);
  const [stemOut, imgChannels] = shapeOf(`enc.${resolution}x${resolution}_conv.weight`) as [number, number];
  const [embChannels, noiseChannels] = shapeOf('map_layer0.weight') as [number, number];
  const song = !has(/^model\.out_conv\.weight$/);
  const levels = distinct(/^model\.enc\.(\d+)x\1_block0\./);
  const widths = levels.map((res) => shapeOf(`enc.${res}x${res}_block0.conv1.weight`)[0]!);
  // SongUNet's stem has the base width; ADM's embedding does (channel_mult_noise is always 1 there).
  const modelChannels = song ? stemOut : noiseChannels;
  const blockIndices = distinct(new RegExp(`^model\\.enc\\.${resolution}x${resolution}_block(\\d+)\\.`));
  const kwargs = new Map<string, unknown>([
    ['model_type', song ? 'SongUNet' : 'DhariwalUNet'],
    ['img_resolution', resolution],
    ['img_channels', imgChannels],
    ['label_dim', tensors.shape('model.map_label.weight')?.[1] ?? 0],
    ['augment_dim', tensors.shape('model.map_augment.weight')?.[1] ?? 0],
    ['model_channels', modelChannels],
    ['channel_mult', widths.map((w) => w / modelChannels)],
    ['channel_mult_emb', embChannels / modelChannels],
    ['num_blocks', blockIndices.length],
    ['attn_resolutions', distinct(/^model\.enc\.(\d+)x\1_block\d+\.qkv\.weight$/)],
  ]);
  if (!song) return kwargs;

  kwargs.set('channel_mult_noise', noiseChannels / modelChannels);
  kwargs.set(
    'encoder_type',
    has(/^model\.enc\.\d+x\d+_aux_residual\./)
      ? 'residual'
      : has(/^model\.enc\.\d+x\d+_aux_skip\./)
        ? 'skip'
        : 'standard',
  );
  const heads = names.filter((n) => /^model\.dec\.\d+x\d+_aux_conv\.weight$/.test(n)).length;
  kwargs.set('decoder_type', heads > 1 ? 'skip' : 'standard');
  kwargs.set('resample_filter', resampleTaps(tensors, names, kwargs.get('encoder_type') === 'residual'));
  const embedding = embeddingType(tensors, names, kwargs);
  if (embedding) kwargs.set('embedding_type', embedding);
  return kwargs;
}

/**
 * Fourier frequencies are a buffer, a positional embedding has none. That they are absent says nothing unless the
 * file has its other buffers; named_parameters() and most averages leave them all out. Then DDPM++ is known by its
 * encoder and the width of its embedding; what looks like NCSN++ stays open.
 */
function embeddingType(
  tensors: NamedShapes,
  names: readonly string[],
  kwargs: ReadonlyMap<string, unknown>,
): 'fourier' | 'positional' | null {
  if (tensors.shape('model.map_noise.freqs')) return 'fourier';
  if (names.some((n) => n.endsWith('.resample_filter'))) return 'positional';
  return kwargs.get('channel_mult_noise') === 1 && kwargs.get('encoder_type') === 'standard'
    ? 'positional'
    : null;
}

/** Throws when neither the file's arguments nor its tensors tell how the network embeds its noise level. */
export function checkEmbedding(kwargs: ReadonlyMap<string, unknown>): void {
  if (kwargs.get('model_type') !== 'SongUNet' || kwargs.has('embedding_type')) return;
  throw badFile('the network cannot be told from its tensors', {
    where: 'model.map_noise.freqs',
    expected: 'the frequencies of its noise embedding, as state_dict() has them',
    found: 'parameters without buffers, as named_parameters() gives them',
    hint: 'Save the state_dict of the network',
  });
}

/** Taps of the separable filter, from a stored resample_filter buffer [1, 1, k, k] = outer(f, f) / sum(f)^2. */
function resampleTaps(tensors: NamedShapes, names: string[], residual: boolean): number[] {
  const name = names.find((n) => n.endsWith('.resample_filter'));
  // A file without its buffers: NCSN++ is published with [1,3,3,1], DDPM++ with [1,1].
  if (!name) return residual ? [1, 3, 3, 1] : [1, 1];
  const size = tensors.shape(name)!.at(-1)!;
  const row = tensors.values(name).subarray(0, size);
  return Array.from(row, (v) => Math.round(v / row[0]!));
}

function notOfTheFamily(names: string[], missing?: string): InnateError {
  return new InnateError('unsupported', 'the tensors are not those of an EDM-family U-Net', {
    expected: missing ?? 'a tensor model.enc.<R>x<R>_conv.weight (SongUNet or DhariwalUNet of NVlabs/edm)',
    found: `${names.length} tensors such as ${names.slice(0, 3).join(', ') || 'none'}`,
    hint: 'Open a checkpoint of EDM, GDD, SiD or of this project',
  });
}
