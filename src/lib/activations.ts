/**
 * Activations of a network by row (a block or a part of one) and noise level: gathered sample by sample, read as mean
 * and spread, and written as the JSON of `innate inspect`. No tensors here: the page and the command line share it.
 */

export const QUANTITIES = ['rms', 'residual', 'change', 'active', 'entropy'] as const;
/** What is measured of a row; docs/layers.md has the formulae. */
export type Quantity = (typeof QUANTITIES)[number];

export interface Row {
  /** "enc.32x32_block0", or "enc.32x32_block0.conv0". */
  name: string;
  /** The block that it belongs to; itself for a block. */
  block: string;
  /** "conv0"; null for a block. */
  part: string | null;
  resolution: number;
  channels: number;
}

/** Measurements of some samples at one noise level. */
export interface Samples {
  /** Index of the noise level. */
  level: number;
  count: number;
  /** [rows, count] each, row by row; NaN where a row has no such quantity. */
  values: Partial<Record<Quantity, Float32Array>>;
  /** Radial power by row, summed over `spectraCount` of the samples; absent where not asked for. */
  spectra?: Float32Array[];
  spectraCount?: number;
  /** The denoised images' own, summed over the same samples. */
  imageSpectrum?: Float32Array;
}

/** A quantity of a row at a noise level, over the samples. */
export interface Cell {
  mean: number;
  /** Standard deviation over the samples; null where only their mean is kept. */
  spread: number | null;
  count: number;
}

/** Quantities of rows at noise levels, gathered from samples in any number of groups. */
export class ActivationTable {
  private readonly cells = new Map<Quantity, number[][][]>();
  private readonly sums = new Map<string, { count: number; power: Float64Array }>();

  constructor(
    readonly rows: readonly Row[],
    readonly sigmas: readonly number[],
  ) {}

  add({ level, count, values, spectra, spectraCount = count, imageSpectrum }: Samples): void {
    for (const quantity of QUANTITIES) {
      const numbers = values[quantity];
      if (!numbers) continue;
      const cells = this.cellsOf(quantity);
      for (let row = 0; row < this.rows.length; row++)
        for (let i = 0; i < count; i++) {
          const value = numbers[row * count + i]!;
          if (!Number.isNaN(value)) cells[row]![level]!.push(value);
        }
    }
    spectra?.forEach(
      (power, row) => void (power.length > 0 && this.addPower(`${row} ${level}`, power, spectraCount)),
    );
    if (imageSpectrum) this.addPower(`image ${level}`, imageSpectrum, spectraCount);
  }

  /** null where nothing is measured or the row has no such quantity. */
  cell(quantity: Quantity, row: number, level: number): Cell | null {
    const values = this.samples(quantity, row, level);
    if (values.length === 0) return null;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return { mean, spread: Math.sqrt(variance), count: values.length };
  }

  samples(quantity: Quantity, row: number, level: number): readonly number[] {
    return this.cells.get(quantity)?.[row]?.[level] ?? [];
  }

  /** Radial power of what a row's block adds, averaged over the samples; null where it is not measured. */
  spectrum(row: number | 'image', level: number): number[] | null {
    const sum = this.sums.get(`${row} ${level}`);
    return sum ? Array.from(sum.power, (p) => p / sum.count) : null;
  }

  /** Samples that `spectrum` is averaged over. */
  spectrumSamples(row: number | 'image', level: number): number {
    return this.sums.get(`${row} ${level}`)?.count ?? 0;
  }

  private cellsOf(quantity: Quantity): number[][][] {
    let cells = this.cells.get(quantity);
    if (!cells) {
      cells = this.rows.map(() => this.sigmas.map(() => []));
      this.cells.set(quantity, cells);
    }
    return cells;
  }

  private addPower(key: string, power: Float32Array, count: number): void {
    const sum = this.sums.get(key);
    if (!sum) {
      this.sums.set(key, { count, power: Float64Array.from(power) });
      return;
    }
    sum.count += count;
    power.forEach((p, i) => {
      sum.power[i]! += p;
    });
  }
}

/** Every sample's own values, [level][sample]; null where the row has no such quantity. */
type PerSample = number[][];

/** Per sigma: mean over the samples. */
type Means = (number | null)[];

/** The quantities by their names, where the row has them; every row has its root mean square. */
interface RowJson
  extends Partial<Record<Quantity, Means>>,
    Partial<Record<`${Quantity}PerSample`, PerSample>> {
  name: string;
  resolution: number;
  channels: number;
  rms: Means;
  rmsPerSample: PerSample;
  /** Per sigma: radial power of what the block adds, from 0 to resolution / 2 cycles an image. */
  spectrum?: number[][];
  parts?: RowJson[];
}

export interface ActivationsJson {
  model: string;
  sigmas: number[];
  blocks: RowJson[];
  /** Radial power of the denoised images, and how many of them all spectra are averaged over. */
  image?: { spectrum: number[][]; samples?: number };
}

/** `digits`: significant ones to keep; all of them by default. */
export function activationsJson(model: string, table: ActivationTable, digits?: number): ActivationsJson {
  const short = (v: number) => (digits === undefined ? v : Number(v.toPrecision(digits)));
  const spectra = (row: number | 'image') => {
    const levels = table.sigmas.map((_, level) => table.spectrum(row, level));
    return levels.every((s) => s !== null) ? levels.map((s) => s.map(short)) : null;
  };
  const json = ({ name, resolution, channels }: Row, row: number): RowJson => {
    const out: RowJson = { name, resolution, channels, rms: [], rmsPerSample: [] };
    for (const quantity of QUANTITIES) {
      const means = table.sigmas.map((_, level) => table.cell(quantity, row, level)?.mean ?? null);
      if (quantity !== 'rms' && means.every((m) => m === null)) continue;
      out[quantity] = means.map((m) => (m === null ? null : short(m)));
      out[`${quantity}PerSample`] = table.sigmas.map((_, level) =>
        table.samples(quantity, row, level).map(short),
      );
    }
    const spectrum = spectra(row);
    return spectrum ? { ...out, spectrum } : out;
  };
  const all = table.rows.map(json);
  const blocks = table.rows.flatMap(({ name, part }, i) => {
    if (part !== null) return [];
    const parts = table.rows.flatMap((r, j) =>
      r.part !== null && r.block === name && table.samples('rms', j, 0).length > 0 ? [all[j]!] : [],
    );
    return [parts.length > 0 ? { ...all[i]!, parts } : all[i]!];
  });
  const image = spectra('image');
  return {
    model,
    sigmas: [...table.sigmas],
    blocks,
    ...(image && { image: { spectrum: image, samples: table.spectrumSamples('image', 0) } }),
  };
}

/** The table of a file that `innate inspect` wrote. Throws a plain Error on anything else. */
export function readActivations(json: ActivationsJson): ActivationTable {
  const named: [Row, RowJson][] = json.blocks.flatMap((b) => {
    const { name: block } = b;
    return [
      [{ ...b, block, part: null }, b] as [Row, RowJson],
      ...(b.parts ?? []).map(
        (p) => [{ ...p, block, part: p.name.slice(block.length + 1) }, p] as [Row, RowJson],
      ),
    ];
  });
  const rows = named.map(
    ([{ name, block, part, resolution, channels }]): Row => ({ name, block, part, resolution, channels }),
  );
  const table = new ActivationTable(rows, json.sigmas);
  json.sigmas.forEach((_, level) => {
    const count = Math.max(...named.map(([, r]) => r.rmsPerSample[level]?.length ?? 0));
    const values: Samples['values'] = {};
    for (const quantity of QUANTITIES)
      values[quantity] = Float32Array.from(
        named.flatMap(([, r]) =>
          Array.from({ length: count }, (_, i) => r[`${quantity}PerSample`]?.[level]?.[i] ?? Number.NaN),
        ),
      );
    table.add({ level, count, values });
    const spectraCount = json.image?.samples ?? count;
    const summed = (power: readonly number[]) => Float32Array.from(power, (p) => p * spectraCount);
    const image = json.image?.spectrum[level];
    table.add({
      level,
      count: 0,
      values: {},
      spectra: named.map(([, r]) => summed(r.spectrum?.[level] ?? [])),
      spectraCount,
      ...(image && { imageSpectrum: summed(image) }),
    });
  });
  return table;
}

/** How a one-step student compares with the network that the map shows. */
export interface StudentJson {
  model: string;
  sigma: number;
  /** The student's own activations at its one level. */
  blocks: RowJson[];
  likeness: LikenessJson;
  layers: LayerJson[];
}

/** [blocks][levels] debiased linear CKA of the outputs over `examples` seeds. */
export interface LikenessJson {
  examples: number;
  cka: (number | null)[][];
}

export interface LayerJson {
  /** "enc.32x32_block0.conv0", or "map_layer0" outside the blocks. */
  name: string;
  parameters: number;
  /** ||teacher||, weights and bias together. */
  norm: number;
  /** ||student - teacher|| / ||teacher||; null where the teacher's are all zero. */
  change: number | null;
  /** GDD-I leaves this layer as it is. */
  frozen: boolean;
}

/** What `innate inspect` writes. */
export interface InspectionJson extends ActivationsJson {
  input: string;
  samples: number;
  /** A channel is active above this share of its block's root mean square. */
  activeThreshold: number;
  backend: string;
  student?: StudentJson;
  /** Of files that come with the page: sha256 of the weights that were measured, by model id. */
  weights?: Record<string, string>;
}
