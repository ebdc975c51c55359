import { describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { openModelArgument } from '../../cli/catalogue';
import { seedBatch } from '../../src/engine/inference/sampling';
import { compareBlocks, weightChange } from '../../src/engine/layers/compare';
import { unetBlocks } from '../../src/nn/blocks';
import { Denoiser } from '../../src/nn/denoiser';

describe('teacher and student', () => {
  const teacher = openModelArgument('fashion-mnist-32x32-teacher');
  const student = openModelArgument('fashion-mnist-32x32-gdd-i');

  it('weights change where GDD-I trains and nowhere else', () => {
    const layers = weightChange(teacher.config.unet, teacher.weights, student.weights);
    const frozen = layers.filter((l) => l.frozen);
    expect(frozen.length).toBeGreaterThan(10);
    expect(frozen.every((l) => l.change === 0)).toBe(true);
    expect(frozen.every((l) => /\.(conv\d|proj)$/.test(l.name))).toBe(true);
    const moved = layers.filter((l) => !l.frozen && l.change! > 0);
    expect(moved.length).toBeGreaterThan(0.9 * (layers.length - frozen.length));
    const one = layers.find((l) => l.name.endsWith('.norm0'))!;
    const name = `model.${one.name}`;
    const values = (w: typeof teacher.weights) => [...w.read(`${name}.weight`), ...w.read(`${name}.bias`)];
    const [a, b] = [values(teacher.weights), values(student.weights)];
    const norm = (v: number[]) => Math.sqrt(v.reduce((s, x) => s + x * x, 0));
    expect(one.change).toBeCloseTo(norm(b.map((v, i) => v - a[i]!)) / norm(a), 6);
  });

  it('a network is most like itself at the level that it is shown', async () => {
    await openBackend('wasm');
    const denoiser = Denoiser.open(teacher.config, teacher.weights);
    const other = Denoiser.open(teacher.config, teacher.weights);
    const batch = seedBatch(teacher.config, [0, 1, 2, 3, 4, 5, 6, 7], null);
    const steps = [];
    for await (const step of compareBlocks(denoiser, other, batch, [80, 0.5], 80)) steps.push(step);
    expect(steps.map((s) => s.done)).toEqual([1, 2, 3]);
    const { cka, examples } = steps.at(-1)!.likeness!;
    expect(examples).toBe(8);
    const blocks = unetBlocks(teacher.config.unet);
    cka.forEach(([at80, low], b) => {
      // The teacher sees its own blur under the noise, which is almost nothing at 80.
      expect(at80, blocks[b]!.name).toBeGreaterThan(0.97);
      expect(low!).toBeLessThanOrEqual(at80! + 0.02);
    });
    expect(Math.min(...cka.map(([, low]) => low!))).toBeLessThan(0.95);
    denoiser.dispose();
    other.dispose();
  });
});
