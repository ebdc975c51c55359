import { describe, expect, it } from 'vitest';
import { PRESETS, preset, savedConfig } from '../../src/distil/config';
import type { FeatureNetwork } from '../../src/distil/discriminator';
import { featuresInOrder } from '../../src/distil/executor';

const network = (channels: number): FeatureNetwork => ({
  channels: [channels],
  sizes: () => [8],
  maps: () => [],
});
/** Channels of the maps of EfficientNet-Lite0 and of a person's network, as heads see them. */
const order = (secondFirst: boolean) =>
  featuresInOrder(
    { features: () => [network(24), network(64)], config: { ...preset('small'), secondFirst } },
    null as never,
  ).map(({ channels }) => channels[0]);

describe('two feature networks', () => {
  it("come as published: VGG16-BN or DeiT-B, then EfficientNet-Lite0 (train.py's backbones)", () => {
    expect(order(true)).toEqual([64, 24]);
    for (const name of Object.keys(PRESETS)) expect(preset(name).secondFirst, name).toBe(true);
  });

  it('stay as they were in a run from before that', () => {
    const { secondFirst: _, ...older } = { ...preset('paper-faces'), secondFeatures: 'vgg16-bn' as const };
    expect(savedConfig(older).secondFirst).toBe(false);
    expect(order(false)).toEqual([24, 64]);
  });
});
