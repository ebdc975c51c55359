import { expect, test } from 'vitest';
import { kindOf } from '../../src/formats/network-names';

test.each([
  ['exp_ema', 'averaged'],
  ['exp.model', 'plain'],
  ['my_exp_1.net', 'plain'],
  ['exp_avg', 'state'],
  ['state.model.exp_avg_sq', 'state'],
  ['ema.ema_model', 'averaged'],
  ['ema.collected_params', 'aside'],
  ['backup', 'aside'],
  ['ema.online_model', 'plain'],
] as const)('%s: %s', (path, kind) => expect(kindOf(path)).toBe(kind));
