import { expect, it } from 'vitest';
import { PRESETS } from '../../../src/distil/config';
import { explainMemory } from '../../../src/engine/distil/errors';
import { asInnateError, InnateError, OutOfMemory } from '../../../src/lib/errors';

const trap = new WebAssembly.RuntimeError('unreachable');

it('a trap is memory that ended in a training step, and a fault anywhere else', () => {
  const step = explainMemory(trap, PRESETS.small);
  expect(step).toBeInstanceOf(OutOfMemory);
  expect(step.describe()).toContain('parts of 16');
  expect(asInnateError(trap, 'backend')).not.toBeInstanceOf(OutOfMemory);
});

it('what is no matter of memory stays what it is', () => {
  const lost = new InnateError('backend', 'the device was lost');
  expect(explainMemory(lost, PRESETS.small)).toBe(lost);
});
