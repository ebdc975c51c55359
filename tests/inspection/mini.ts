import { join } from 'node:path';
import { fileSource } from '../../cli/files';
import { openModel } from '../../src/engine/models/open-model';
import { Denoiser } from '../../src/nn/denoiser';
import { FIXTURES } from '../support/fixtures';

/** Networks of either family that are small enough for every back-end, op by op. */
export const MINI_NETWORKS = ['mini-ncsnpp-16-cond', 'mini-adm-16-cond'] as const;

export function openMini(name: (typeof MINI_NETWORKS)[number]) {
  const model = openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));
  return { model, denoiser: Denoiser.open(model.config, model.weights) };
}
