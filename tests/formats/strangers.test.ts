import { unzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openModel } from '../../src/engine/models/open-model';
import type { Checkpoint } from '../../src/formats/checkpoint';
import { openCheckpoint } from '../../src/formats/open-checkpoint';
import { bufferSource } from '../../src/formats/source';
import { readFloat32 } from '../../src/formats/tensor';
import { failure, fixtureBytes } from './helpers';

/**
 * Files of the kinds that people have: what stands around a network must not hide it, nor have the wrong weights
 * taken. tests/fixtures/make_checkpoints.py writes them with PyTorch and says what is to be found.
 */
interface Case {
  /** The set of weights to take; 'itself': a whole network, which has tests of its own; null: none. */
  take: string | null;
  precond?: string | null;
  notes?: string;
  error?: string;
  choose?: string[];
  /** Entry to the set that it must give. */
  entry?: Record<string, string>;
}
type Sets = Record<string, Record<string, [sum: number, first: number, last: number]>>;

const files = unzipSync(fixtureBytes('checkpoints.zip'));
const { cases, sets }: { cases: Record<string, Case>; sets: Sets } = JSON.parse(
  new TextDecoder().decode(files['cases.json']),
);
const source = (name: string) => bufferSource(files[name]!, name);
const open = (name: string, entry?: string): Checkpoint =>
  openCheckpoint(source(name), entry === undefined ? {} : { entry });

function sums({ tensors }: Checkpoint): Sets[string] {
  const found: Sets[string] = {};
  for (const [name, ref] of tensors) {
    const values = readFloat32(ref);
    found[name] = [values.reduce((a, b) => a + b, 0), values[0]!, values.at(-1)!];
  }
  return found;
}

const select = (wanted: (c: Case) => boolean) => Object.entries(cases).filter(([, c]) => wanted(c));

describe('the right weights are found and named', () => {
  test.each(select((c) => c.take !== null && c.take !== 'itself'))('%s', (name, { take, precond, notes }) => {
    const found = open(name);
    expect(sums(found)).toEqual(sets[take!]);
    if (precond !== undefined) expect(found.precond).toBe(precond);
    if (notes !== undefined) expect(found.notes.join()).toMatch(notes);
    // Where the file holds more than one, and where averages were taken, it is said which.
    if (found.entries.length > 1 || take !== 'raw') expect(found.notes.join()).toMatch(/took|were left/);
  });

  test.each(select((c) => c.choose !== undefined))('%s has several', (name, { choose, entry }) => {
    const error = failure(() => open(name));
    expect(error.detail.choose).toEqual({ what: 'entry', from: choose });
    for (const label of choose!) expect(error.describe()).toContain(label);
    for (const [label, set] of Object.entries(entry!)) expect(sums(open(name, label))).toEqual(sets[set]);
    expect(failure(() => open(name, 'nothing')).describe()).toMatch(/no network of that name.*'nothing'/);
  });

  test('an entry decides against the average too', () => {
    expect(sums(open('timm.pt', 'state_dict'))).toEqual(sets.raw);
    expect(sums(open('lightning.ckpt', 'net'))).toEqual(sets.raw);
    expect(open('lightning.ckpt').entries).toEqual(['state_dict.net', 'state_dict.net_ema']);
  });

  test.each(select((c) => c.error !== undefined))('%s is refused for its network', (name, { error }) => {
    expect(failure(() => openModel(source(name))).describe()).toMatch(new RegExp(error!));
  });
});
