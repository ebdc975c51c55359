import { describe, expect, test } from 'vitest';
import { fileSource } from '../../../cli/files';
import { frozenNames } from '../../../src/distil/freeze-rule';
import { openModel } from '../../../src/engine/models/open-model';
import { unetBlocks } from '../../../src/nn/blocks';
import { layersOf, parameterSpecs } from '../../../src/nn/parameters';
import { flipGrid } from '../../../src/state/distil/lab/flips';
import {
  choiceLabel,
  choiceOf,
  flipped,
  mapRows,
  placed,
  shareOf,
  trainingOf,
} from '../../../src/state/distil/parts';
import { cellAfter, type MapCell } from '../../../src/ui/network-map/cells';
import { FIXTURES } from '../../support/fixtures';

/** A repeatable stream of numbers from 0 to 1. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe.each(['mini-ncsnpp-16-cond', 'mini-adm-16-cond'])('the map of %s', (file) => {
  const { config } = openModel(fileSource(`${FIXTURES}/mini/${file}.pkl`));
  const all = parameterSpecs(config.unet)
    .filter(({ buffer, optional }) => !buffer && !optional)
    .map(({ name, shape }) => placed({ name, size: shape.reduce((a, b) => a * b, 1) }));
  const names = all.map(({ name }) => name);

  test('holds every parameter once, by blocks and by resolutions', () => {
    for (const by of ['block', 'resolution'] as const) {
      const inside = mapRows(all, by).flatMap(({ cells }) => [...cells.values()].flatMap((c) => c.names));
      expect([...inside].sort()).toEqual([...names].sort());
    }
    const blocks = mapRows(all, 'block');
    const attention = blocks.find(({ block, side }) => side === 'decoder' && block.endsWith('_in0'))!;
    expect([...attention.cells.keys()].sort()).toEqual(['affine', 'conv', 'norm', 'proj', 'qkv']);
    const mapping = blocks.find(({ side }) => side === 'mapping')!;
    expect([...mapping.cells.keys()]).toEqual(['map']);
    const encoder = mapRows(all, 'resolution').filter(({ side }) => side === 'encoder');
    expect(encoder.length).toBe(config.unet.channelMult.length);
  });

  test('has the rows that Layers draws, in their order, a layer or a parameter at a time', () => {
    const drawn = unetBlocks(config.unet).map(({ name }) => name);
    const rows = mapRows(all, 'block').map(({ block }) => block);
    expect(rows.filter((block) => /^(enc|dec)\./.test(block))).toEqual(drawn);
    expect(rows[0]).toBe('map');
    const sizes = layersOf(config.unet).map((layer) =>
      placed({
        name: layer.name,
        size: layer.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      }),
    );
    const parts = (of: typeof all) =>
      mapRows(of, 'block').map(({ block, side, cells }) => [
        block,
        side,
        [...cells].map(([part, { size }]) => [part, size]).sort(),
      ]);
    expect(parts(sizes)).toEqual(parts(all));
  });

  test.each(['block', 'resolution'] as const)('arrow keys come to every head, name and cell by %s', (by) => {
    const { flips, shape } = flipGrid(all, mapRows(all, by), by);
    const place = ({ row, column }: MapCell) => `${row} ${column}`;
    const places = new Set(flips.map(place));
    expect(places.size).toBe(flips.length);
    const reached = new Set<string>();
    const open: MapCell[] = [{ row: 1, column: 0 }];
    for (let at = open.pop(); at; at = open.pop()) {
      if (reached.has(place(at))) continue;
      reached.add(place(at));
      for (const key of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'])
        open.push(cellAfter(key, at, { ...shape, has: (cell) => places.has(place(cell)) })!);
    }
    expect(reached).toEqual(places);
    const named = (what: string) => new Set(flips.find((flip) => flip.what === what)!.names);
    const start = (of: string) => new Set(names.filter((n) => n.startsWith(`model.${of}`)));
    expect(named('the whole encoder')).toEqual(start('enc.'));
    expect(named('all qkv')).toEqual(new Set(names.filter((n) => n.includes('.qkv.'))));
    expect(named(by === 'block' ? 'encoder at 16 × 16' : 'encoder at 16 × 16, whole')).toEqual(
      start('enc.16x16_'),
    );
  });

  test('any choice comes back from its globs, and a level as the level', () => {
    for (const level of [0, 1, 2, 3] as const)
      expect(choiceOf(new Set(frozenNames(level, names)), all)).toBe(level);
    const draw = draws(7);
    for (let i = 0; i < 20; i++) {
      let frozen: Set<string> = new Set();
      for (const row of mapRows(all, 'block'))
        for (const { names: own } of row.cells.values()) if (draw() < i / 20) frozen = flipped(frozen, own);
      const choice = choiceOf(frozen, all);
      expect(new Set(frozenNames(choice, names))).toEqual(frozen);
    }
    const single = new Set([names[3]!]);
    expect(new Set(frozenNames(choiceOf(single, all), names))).toEqual(single);
  });

  test('what people ask for is short and has a name', () => {
    const decoderOnly = new Set(names.filter((n) => /^model\.(enc\.|map_)/.test(n)));
    const choice = choiceOf(decoderOnly, all);
    expect(choice).toEqual(['enc.*', 'map_*']);
    expect(choiceLabel(choice, all)).toBe('Decoder only');
    const norms = new Set(all.filter(({ part }) => part !== 'norm').map(({ name }) => name));
    expect(choiceLabel(choiceOf(norms, all), all)).toBe('Only norm');
    expect(choiceOf(new Set(names.filter((n) => /\.affine\./.test(n))), all)).toEqual(['*.affine.*']);
    expect(choiceLabel(2, all)).toBe('Level 2');
  });

  test('flipping freezes what trains in part, then lets it train again', () => {
    const [a, b] = names as [string, string];
    const half = new Set([a]);
    expect(trainingOf([a, b], half)).toBe('some');
    const whole = flipped(half, [a, b]);
    expect(trainingOf([a, b], whole)).toBe('none');
    expect(flipped(whole, [a, b]).size).toBe(0);
    expect(shareOf(all, new Set(names)).share).toBe(0);
    expect(shareOf(all, new Set()).share).toBe(1);
  });
});
