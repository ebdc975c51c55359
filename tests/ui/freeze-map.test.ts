import { describe, expect, test } from 'vitest';
import { frames } from '../../src/features/distil/run/frames';
import { freezeMap, freezeSentences } from '../../src/features/distil/run/freeze-map';

const layer = (name: string, trains: boolean) => ({ name, trains, parameters: 10 });

describe('what trains', () => {
  const { columns, rows } = freezeMap([
    layer('map_layer0', true),
    layer('map_layer1', true),
    layer('enc.32x32_conv', true),
    layer('enc.16x16_block0.conv0', false),
    layer('enc.16x16_block0.norm0', true),
    layer('dec.16x16_in0.conv0', true),
    layer('dec.16x16_in0.qkv', true),
  ]);

  test('blocks are columns, kinds of layers are rows', () => {
    expect(columns.map((c) => [c.part, c.block, c.resolution])).toEqual([
      ['other', 'map', null],
      ['encoder', 'enc.32x32_conv', 32],
      ['encoder', 'enc.16x16_block0', 16],
      ['decoder', 'dec.16x16_in0', 16],
    ]);
    expect(rows).toEqual(['norm0', 'conv0', 'qkv', 'other']);
    expect(columns[0]!.cells.get('other')!.parameters).toBe(20);
  });

  test('and sentences for those who cannot see it', () => {
    expect(freezeSentences(columns, rows)).toEqual([
      'norm0: trains in 1 block',
      'conv0: trains in 1 of 2 blocks',
      'qkv: trains in 1 block',
      'other: trains in 2 blocks',
    ]);
  });
});

test('a strip shows both ends and what lies between evenly', () => {
  expect(frames(3, 12)).toEqual([0, 1, 2]);
  expect(frames(60, 5)).toEqual([0, 15, 30, 44, 59]);
  expect(frames(1, 5)).toEqual([0]);
});
