import { describe, expect, it } from 'vitest';
import { packedMatrix } from '../../../src/nn/plan/wasm/weights';
import { panelValues } from '../../../src/simd/calls/convolution';
import * as calls from '../../../src/simd/calls/discriminator';
import type { MapAt } from '../../../src/simd/calls/list';
import { noise } from '../../plan/kernel-cases';
import { published, relativeError, runCalls, stored } from './kernels';

/** Minibatch deviation and spectral norm against float64. */

describe('minibatch deviation', () => {
  it.each([
    [4, 3, 5, 8],
    [3, 8, 8, 20],
    [5, 2, 2, 6],
    [2, 1, 1, 3],
  ])('%d images of %d x %d x %d', async (images, height, width, channels) => {
    const size = height * width * channels;
    const x = noise(images * size, 1);
    const residual = noise((images * size * (channels + 1)) / channels, 2);
    const gradient = 0.7;
    const deviations = new Float64Array(size);
    const dx = new Float64Array(x.length);
    for (let i = 0; i < size; i++) {
      const batch = Array.from({ length: images }, (_, n) => x[n * size + i]!);
      const mean = batch.reduce((a, b) => a + b, 0) / images;
      deviations[i] = Math.sqrt(batch.reduce((sum, v) => sum + (v - mean) ** 2, 0) / images + 1e-6);
      for (const [n, v] of batch.entries()) {
        const at = n * size + i;
        const own = residual[Math.floor(at / channels) * (channels + 1) + (at % channels)]!;
        dx[at] = own + (gradient / size) * ((v - mean) / (images * deviations[i]!));
      }
    }
    const up4 = (count: number) => Math.ceil(count / 4) * 4;
    const { placed, read } = await runCalls((layout, list) => {
      const source = layout.map(images, height, width, up4(channels), stored(x, channels));
      const number = layout.room(4);
      const partials = layout.room(2 * calls.deviationPartials(source));
      calls.deviation(list, { source, channels, partials, out: number });
      const out: MapAt = layout.map(images, height, width, up4(channels));
      calls.deviationGradient(list, {
        source,
        channels,
        gradient: layout.put(Float32Array.of(gradient)),
        residual: layout.map(images, height, width, up4(channels + 1), stored(residual, channels + 1)),
        out: out.at,
      });
      return { number, out };
    });
    const mean = deviations.reduce((a, b) => a + b, 0) / size;
    expect(relativeError(read(placed.number, 4), [mean, 0, 0, 0])).toBeLessThan(1e-6);
    const found = published(read(placed.out.at, images * height * width * up4(channels)), channels);
    expect(relativeError(found, dx)).toBeLessThan(2e-6);
  });
});

/** M u. */
const times = (m: Float64Array, u: Float64Array) =>
  Float64Array.from({ length: m.length / u.length }, (_, r) =>
    u.reduce((sum, v, c) => sum + v * m[r * u.length + c]!, 0),
  );

const unit = (v: Float64Array) => {
  const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  return v.map((x) => x / norm);
};

describe('spectral norm', () => {
  it('of several layers: a power iteration, the weights, their gradient', async () => {
    const sizes = [
      [48, 12],
      [20, 4],
      [64, 40],
    ] as const;
    const layers = sizes.map(([rows, columns], k) => {
      const m = Float64Array.from(noise(rows * columns, 1 + k));
      const u0 = unit(Float64Array.from(noise(columns, 11 + k)));
      const g = Float64Array.from(noise(rows * columns, 21 + k));
      const transposed = Float64Array.from(m, (_, i) => m[(i % rows) * columns + Math.floor(i / rows)]!);
      const v = unit(times(m, u0));
      const raw = times(transposed, v);
      const u = unit(raw);
      const sigma = Math.sqrt(raw.reduce((sum, x) => sum + x * x, 0));
      const dot = g.reduce((sum, x, i) => sum + (x * m[i]!) / sigma, 0);
      const dm = g.map((x, i) => (x - dot * v[Math.floor(i / columns)]! * u[i % columns]!) / sigma);
      return { rows, columns, m, u0, g, u, v, sigma, dm };
    });
    const panels = ({ rows, columns }: { rows: number; columns: number }, values: Float64Array) => {
      const out = new Float32Array(panelValues(rows, columns));
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++)
          out[packedMatrix(rows, columns).at(c) + 8 * r] = values[r * columns + c]!;
      return out;
    };
    const { placed, read } = await runCalls((layout, list) => {
      const placed = layers.map((layer) => ({
        weight: layout.put(panels(layer, layer.m)),
        rows: layer.rows,
        columns: layer.columns,
        u: layout.put(Float32Array.from(layer.u0)),
        v: layout.room(layer.rows),
        sigma: layout.room(1),
        normalised: layout.room(panelValues(layer.rows, layer.columns)),
        gradient: layout.put(panels(layer, layer.g)),
        out: layout.room(panelValues(layer.rows, layer.columns)),
      }));
      const spectral = { table: layout.put(calls.spectralTable(placed)), layers: layers.length };
      calls.powerIteration(list, spectral);
      calls.normaliseWeights(list, spectral);
      calls.spectralGradient(list, spectral);
      calls.spectralGradient(list, { ...spectral, accumulate: true });
      return placed;
    });
    for (const [k, layer] of layers.entries()) {
      const at = placed[k]!;
      const count = panelValues(layer.rows, layer.columns);
      expect(relativeError(read(at.u, layer.columns), layer.u)).toBeLessThan(2e-6);
      expect(relativeError(read(at.v, layer.rows), layer.v)).toBeLessThan(2e-6);
      expect(read(at.sigma, 1)[0]! / layer.sigma).toBeCloseTo(1, 5);
      const normalised = panels(
        layer,
        layer.m.map((x) => x / layer.sigma),
      );
      expect(relativeError(read(at.normalised, count), normalised)).toBeLessThan(2e-6);
      expect(
        relativeError(
          read(at.out, count),
          panels(
            layer,
            layer.dm.map((x) => 2 * x),
          ),
        ),
      ).toBeLessThan(3e-6);
    }
  });
});
