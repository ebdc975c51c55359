import { expect, it } from 'vitest';
import { PRESETS } from '../../../src/distil/config';
import { explainMemory, isOutOfMemory, StepTooLarge } from '../../../src/engine/distil/errors';
import { InnateError } from '../../../src/lib/errors';

const trap = new WebAssembly.RuntimeError('unreachable');

it('a trap is memory that ended in a training step, and a fault anywhere else', () => {
  const step = explainMemory(trap, PRESETS.small);
  expect(step).toBeInstanceOf(StepTooLarge);
  expect(isOutOfMemory(step)).toBe(true);
  expect(step.describe()).toContain('parts of 16');
  expect(isOutOfMemory(new InnateError('backend', trap.message))).toBe(false);
});

it('what is no matter of memory stays what it is', () => {
  const lost = new InnateError('backend', 'the device was lost');
  expect(explainMemory(lost, PRESETS.small)).toBe(lost);
});
