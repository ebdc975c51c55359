import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { preset } from '../../src/distil/config';
import { Discriminator, type FeatureNetwork } from '../../src/distil/discriminator';
import { r1Gradients } from '../../src/distil/r1';
import { RandomStream } from '../../src/distil/random';
import { openModel } from '../../src/engine/models/open-model';
import { Denoiser } from '../../src/nn/denoiser';
import { TeacherEncoder } from '../../src/nn/features/teacher-encoder';
import { groupNormSecond } from '../../src/nn/tf/group-norm';
import '../../src/nn/tf/gradients';
import { FIXTURES, maxError } from '../support/fixtures';

/** R1's gradient; through VGG16 and a vision transformer it is compared with PyTorch in iteration.test.ts. */
const BACKENDS = ['wasm', 'webgpu'] as const;
const wanted = process.env.INNATE_TEST_BACKENDS?.split(',') ?? ['wasm'];

const largest = (values: ArrayLike<number>) => {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]!));
  return max;
};
const uniform = (count: number, seed: number) =>
  new RandomStream(seed, 'featureNoise', 0).uniforms(count).map((u) => 2 * u - 1);

describe('R1', () => {
  beforeAll(async () => {
    await openBackend('wasm');
  });

  it('has the gradient of its closed form on a small smooth discriminator', async () => {
    // D(x) = sum_k w2_k (w1_k x)^3: dD/dx = sum_k 3 w2_k (w1_k x)^2 w1_k, differentiated as it stands.
    const random = new RandomStream(1, 'heads', 0);
    const [n, d, k, gamma] = [3, 5, 4, 0.3];
    const w1 = tf.variable(tf.tensor2d(random.normals(d * k), [d, k]));
    const w2 = tf.variable(tf.tensor2d(random.normals(k), [k, 1]));
    const x = tf.tensor4d(random.normals(n * d), [n, 1, 1, d]);
    const inner = (t: tf.Tensor) => tf.matMul(tf.reshape(t, [n, d]), w1);
    const sum = (input: tf.Tensor4D) =>
      tf.sum(tf.matMul(tf.mul(tf.square(inner(input)), inner(input)), w2)) as tf.Scalar;
    const { gradients, penalty } = r1Gradients(sum, x, [w1, w2], gamma);
    const { value, grads } = tf.variableGrads(() => {
      const slope = tf.mul(tf.mul(tf.square(inner(x)), 3), tf.reshape(w2, [1, k]));
      return tf.mul(tf.sum(tf.square(tf.matMul(slope, w1, false, true))), gamma / 2 / n) as tf.Scalar;
    }, [w1, w2]);
    const [found, exact] = [(await penalty.data())[0]! * (gamma / 2), (await value.data())[0]!];
    expect(Math.abs(found - exact)).toBeLessThan(1e-5 * exact);
    for (const { name } of [w1, w2]) {
      const exact = (await grads[name]!.data()) as Float32Array;
      expect(maxError(await gradients[name]!.data(), exact) / largest(exact)).toBeLessThan(1e-5);
    }
    tf.dispose([w1, w2, x, gradients, penalty, value, grads]);
  });

  it('gives zeros to a parameter on which the image gradient does not depend', async () => {
    const [w, shift] = [tf.variable(tf.scalar(2)), tf.variable(tf.scalar(1))];
    const x = tf.tensor4d([1, 2, 3, 4], [4, 1, 1, 1]);
    const { gradients, penalty } = r1Gradients(
      (input) => tf.sum(tf.add(tf.mul(input, w), shift)) as tf.Scalar,
      x,
      [w, shift],
      0.5,
    );
    expect((await penalty.data())[0]).toBeCloseTo(4, 5);
    expect((await gradients[w.name]!.data())[0]).toBeCloseTo(1, 5); // gamma / 2 * 2 w
    expect((await gradients[shift.name]!.data())[0]).toBe(0);
    tf.dispose([w, shift, x, gradients, penalty]);
  });
});

describe('the second derivative of a group norm', () => {
  it.each([
    [2, 6, 8, 2],
    [1, 20, 5, 5], // batch norm
  ])('%i x %i x %i in %i groups is that of the written-out gradient', async (n, pixels, channels, groups) => {
    await openBackend('wasm');
    const shape: [number, number, number] = [n, pixels, channels];
    const count = n * pixels * channels;
    const eps = 0.1; // large enough to be seen where it were forgotten
    const [x, dy, z] = [1, 2, 3].map((seed) => tf.tensor3d(uniform(count, seed), shape)) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const weight = tf.tensor1d(uniform(channels, 4));
    const grouped = (t: tf.Tensor) => tf.reshape(t, [n, pixels, groups, channels / groups]);
    const mean = (t: tf.Tensor) => tf.mean(t, [1, 3], true);
    const moments = (input: tf.Tensor) => {
      const centred = tf.sub(grouped(input), mean(grouped(input)));
      const variance = mean(tf.square(centred));
      return { centred, variance, r: tf.rsqrt(tf.add(variance, eps)) };
    };
    const along = (g: tf.Tensor, input: tf.Tensor, w: tf.Tensor) => {
      const { centred, r } = moments(input);
      const [xhat, gw] = [tf.mul(centred, r), grouped(tf.mul(g, w))];
      const dx = tf.mul(r, tf.sub(tf.sub(gw, mean(gw)), tf.mul(xhat, mean(tf.mul(gw, xhat)))));
      return tf.sum(tf.mul(tf.reshape(dx, shape), z)) as tf.Scalar;
    };
    const expected = tf.grads(along)([dy, x, weight]);
    const found = tf.tidy(() => {
      const { variance, r } = moments(x);
      const statistics = tf.reshape(tf.stack([mean(grouped(x)), r, variance]), [3, n, groups]) as tf.Tensor3D;
      const made = groupNormSecond(z, dy, x, weight, statistics);
      return [made.dy(), made.x(), made.weight()];
    });
    for (const [i, what] of ['dy', 'x', 'weight'].entries()) {
      const exact = (await expected[i]!.data()) as Float32Array;
      expect(maxError(await found[i]!.data(), exact) / largest(exact), what).toBeLessThan(1e-5);
    }
    tf.dispose([x, dy, z, weight, expected, found]);
  });
});

/**
 * The paper's heads on the encoder of a small teacher, whose SiLUs have no kinks: R1's gradient is that of the heads'
 * slope along what the encoder makes of the image gradient, here taken as a difference.
 */
describe('R1 on the teacher’s encoder', () => {
  const [N, SIZE] = [4, 16];
  const shape: [number, number, number, number] = [N, SIZE, SIZE, 3];

  const open = () => {
    const model = openModel(fileSource(join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl')));
    const teacher = Denoiser.open(model.config, model.weights);
    const encoder = new TeacherEncoder(teacher);
    const [noise, sigmas] = [uniform(N * SIZE * SIZE * 3, 11), uniform(N, 12)];
    const features: FeatureNetwork = {
      channels: encoder.channels,
      sizes: () => encoder.sizes(),
      maps: (x) => encoder.maps(x, null, noise, sigmas),
    };
    const discriminator = new Discriminator([features], preset('paper-cifar10'), 0);
    const state = discriminator.advance();
    const variables = discriminator.parameters.variables();
    const random = new RandomStream(0, 'featureNoise', 0);
    const look = (x: tf.Tensor4D) => discriminator.look(x, null, random);
    const sum = (maps: tf.Tensor4D[]) =>
      tf.sum(tf.concat(discriminator.logits(maps, state, null), 1)) as tf.Scalar;
    const close = () => {
      discriminator.release(state);
      discriminator.dispose();
      teacher.dispose();
    };
    return { variables, look, sum, close };
  };

  /** In published order, joined; tensors are freed. */
  const joined = async (gradients: tf.NamedTensorMap, variables: ReadonlyMap<string, tf.Variable>) => {
    const out = new Map<string, Float32Array>();
    for (const [name, v] of variables) out.set(name, (await gradients[v.name]!.data()) as Float32Array);
    tf.dispose(gradients);
    return out;
  };

  const GAMMA = 0.5;
  let expected: Map<string, Float32Array>;
  beforeAll(async () => {
    await openBackend('wasm');
    const { variables, look, sum, close } = open();
    const x = tf.tensor4d(uniform(N * SIZE * SIZE * 3, 13), shape);
    const v = tf.grad((input: tf.Tensor) => sum(look(input as tf.Tensor4D)))(x);
    const h = 0.02 / (await tf.max(tf.abs(v)).data())[0]!;
    const [maps, moved] = tf.tidy(() => {
      const at = (step: number) => look(tf.add(x, tf.mul(v, step)) as tf.Tensor4D);
      const [above, below] = [at(h), at(-h)];
      return [look(x), above.map((m, i) => tf.div(tf.sub(m, below[i]!), 2 * h))] as const;
    }) as unknown as [tf.Tensor4D[], tf.Tensor4D[]];
    const { value, grads } = tf.variableGrads(() => {
      const slopes = tf.grads((...given: tf.Tensor[]) => sum(given as tf.Tensor4D[]))(maps);
      const along = slopes.map((slope, i) => tf.sum(tf.mul(slope, moved[i]!)));
      return tf.mul(tf.addN(along), GAMMA / N) as tf.Scalar;
    }, [...variables.values()]);
    for (const variable of variables.values()) grads[variable.name] ??= tf.zerosLike(variable);
    expected = await joined(grads, variables);
    tf.dispose([x, v, maps, moved, value]);
    close();
  });

  it.each(BACKENDS.filter((b) => wanted.includes(b)))(
    'is that of the heads along it on %s',
    async (backend) => {
      await openBackend(backend);
      const { variables, look, sum, close } = open();
      const x = tf.tensor4d(uniform(N * SIZE * SIZE * 3, 13), shape);
      const { penalty, gradients } = r1Gradients(
        (input) => sum(look(input)),
        x,
        [...variables.values()],
        GAMMA,
      );
      const found = await joined(gradients, variables);
      const top = Math.max(...[...expected.values()].map(largest));
      expect(top).toBeGreaterThan(0);
      let moved = 0;
      for (const [name, exact] of expected) {
        if (largest(exact) > 1e-3 * top) moved++;
        expect(maxError(found.get(name)!, exact), name).toBeLessThanOrEqual(
          3e-3 * largest(exact) + 1e-5 * top,
        );
      }
      expect(moved).toBeGreaterThan(expected.size / 3);
      tf.dispose([x, penalty]);
      close();
    },
  );
});
