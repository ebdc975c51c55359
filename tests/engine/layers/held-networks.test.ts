import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileSource } from '../../../cli/files';
import type { AnyDenoiser } from '../../../src/engine/inference/open-denoiser';
import { HeldNetworks } from '../../../src/engine/layers/held-networks';
import type { Model } from '../../../src/engine/models/model';
import { openModel } from '../../../src/engine/models/open-model';
import { parameterCount } from '../../../src/nn/parameters';
import { FIXTURES } from '../../support/fixtures';

const path = join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl');
const models = Array.from({ length: 3 }, () => openModel(fileSource(path)));
const [first, second, third] = models as [Model, Model, Model];
const bytes = 4 * parameterCount(first.config.unet);
const device = {};

/** Names what is opened (o) and given up (d), by the number of the model. */
function held(budget: number) {
  const log: string[] = [];
  const shared = new Map<Model, AnyDenoiser>();
  const open = (model: Model, number: number | string) =>
    ({ config: model.config, dispose: () => log.push(`d${number}`) }) as unknown as AnyDenoiser;
  const networks = new HeldNetworks(
    {
      network: async (model) => {
        log.push(`o${models.indexOf(model)}`);
        return open(model, models.indexOf(model));
      },
      shared: (model) => shared.get(model) ?? null,
    },
    budget,
  );
  return { networks, log, shared, open };
}

it('keeps a pair, and gives up the one that was used longest ago', async () => {
  const { networks, log } = held(100 * bytes);
  await networks.get(device, first);
  const other = await networks.get(device, second);
  await networks.get(device, first);
  await networks.get(device, third);
  expect(log).toEqual(['o0', 'o1', 'd1', 'o2']);
  networks.drop(other); // no longer held
  await networks.get(device, first);
  expect(log).toHaveLength(4);
  await networks.get({}, first); // another device
  expect(log.slice(4).sort()).toEqual(['d0', 'd2', 'o0']);
});

it('keeps one where two are too large, whichever way they run', async () => {
  const { networks, log } = held(2 * bytes - 1);
  await networks.get(device, first);
  await networks.get(device, second);
  expect(log).toEqual(['o0', 'd0', 'o1']);
  networks.drop(await networks.get(device, second));
  await networks.get(device, second);
  expect(log.slice(3)).toEqual(['d1', 'o1']);
});

it('uses what somebody else holds, for as long as it is there', async () => {
  const { networks, log, shared, open } = held(100 * bytes);
  await networks.get(device, first);
  shared.set(first, open(first, 'shared'));
  expect(await networks.get(device, first)).toBe(shared.get(first));
  expect(log).toEqual(['o0', 'd0']);
  networks.drop(await networks.get(device, first)); // not ours to dispose of
  networks.dispose();
  shared.clear();
  await networks.get(device, first);
  expect(log).toEqual(['o0', 'd0', 'o0']);
});
