import { describe, expect, test } from 'vitest';
import { preset } from '../../../src/distil/config';
import { badFile } from '../../../src/lib/errors';
import { createStores } from '../../../src/state/app-state';
import {
  fileConfig,
  fileObstacle,
  filesFor,
  filesOf,
  type GivenFiles,
  NO_FILES,
  wantedFiles,
} from '../../../src/state/distil/paper-files';
import { makeSeries } from '../../../src/state/distil/series/series';
import { distilSettings } from '../../../src/state/distil/settings';
import { NEW_SETUP, settleSetup } from '../../../src/state/distil/setup';
import { defaultView } from '../../../src/state/generate/view';
import { FakeClient } from '../../support/fake-client';

const PAPER = preset('paper-cifar10');
const TEN = { labelDim: 10 };
const network = new File(['weights'], 'vgg16_bn.pth');
const table = new File(['rows'], 'tf_efficientnet_lite0.pkl');
const GIVEN: GivenFiles = {
  secondFeatures: { file: network, check: { network: 'vgg16-bn' }, error: null },
  classTable: { file: table, check: { rows: 1000, dim: 320 }, error: null },
};

describe('files of the published method', () => {
  test('are asked for by its presets alone, the table where heads know classes', () => {
    expect(wantedFiles('small', preset('small'), TEN)).toEqual([]);
    expect(wantedFiles('paper-cifar10', { ...PAPER, method: 'imitation' }, TEN)).toEqual([]);
    expect(wantedFiles('paper-faces', PAPER, { labelDim: 0 })).toEqual(['secondFeatures']);
    expect(wantedFiles('paper-cifar10', { ...PAPER, heads: 'small' }, TEN)).toEqual(['secondFeatures']);
    expect(wantedFiles('paper-cifar10', PAPER, TEN)).toEqual(['secondFeatures', 'classTable']);
  });

  test('change the configuration once they are known, and go along with the request', () => {
    const both = ['secondFeatures', 'classTable'] as const;
    expect(fileConfig(NO_FILES, both)).toEqual({});
    expect(filesOf(NO_FILES, both)).toEqual({});
    expect(fileConfig(GIVEN, both)).toEqual({ secondFeatures: 'vgg16-bn', classEmbeddings: 'table' });
    expect(filesOf(GIVEN, both)).toEqual({ secondFeatures: network, classTable: table });
    expect(fileConfig(GIVEN, [])).toEqual({}); // chosen, but another preset since
    expect(filesOf(GIVEN, ['secondFeatures'])).toEqual({ secondFeatures: network });
    const looked = { ...GIVEN, secondFeatures: { ...GIVEN.secondFeatures!, check: null } };
    expect(fileConfig(looked, both)).toEqual({ classEmbeddings: 'table' });
  });

  test('of a series that goes on are those it began with, else those that are given again', () => {
    const request = {
      about: { id: 'r' },
      data: { kind: 'pack', id: 'p' },
      paper: { secondFeatures: network },
    };
    const { runs } = makeSeries({ id: 's', name: 'S' }, [{ label: 'a', request: request as never }]);
    expect(runs[0]!.request).not.toHaveProperty('paper'); // it is written down
    const vgg = { secondFeatures: 'vgg16-bn', classEmbeddings: 'random' } as const;
    expect(filesFor({ secondFeatures: 'none', classEmbeddings: 'random' }, {}, GIVEN)).toEqual({});
    expect(filesFor(vgg, { secondFeatures: table }, GIVEN)).toEqual({ secondFeatures: table });
    expect(filesFor(vgg, {}, GIVEN)).toEqual({ secondFeatures: network });
    expect(filesFor({ ...vgg, secondFeatures: 'deit-distilled' }, {}, GIVEN)).toBeNull(); // another network
    expect(filesFor({ ...vgg, classEmbeddings: 'table' }, { secondFeatures: network }, NO_FILES)).toBeNull();
    expect(filesFor({ ...vgg, classEmbeddings: 'table' }, {}, GIVEN)).toEqual({
      secondFeatures: network,
      classTable: table,
    });
  });

  test('stop a start while they are looked at, where they are something else, and where rows are missing', () => {
    const both = ['secondFeatures', 'classTable'] as const;
    expect(fileObstacle(GIVEN, both, TEN)).toBeNull();
    const looked = { ...GIVEN, secondFeatures: { ...GIVEN.secondFeatures!, check: null } };
    expect(fileObstacle(looked, both, TEN)).toBe('vgg16_bn.pth is being looked at.');
    expect(fileObstacle(looked, [], TEN)).toBeNull();
    const broken = { ...GIVEN, classTable: { ...GIVEN.classTable!, check: null, error: 'Not a table.' } };
    expect(fileObstacle(broken, both, TEN)).toBe(
      'tf_efficientnet_lite0.pkl cannot be used: choose another file, or none.',
    );
    expect(fileObstacle(GIVEN, both, { labelDim: 1001 })).toContain('1000 rows, the teacher 1001 classes');
  });

  test('are looked at as they are taken; the newest choice counts', async () => {
    const client = new FakeClient();
    const stores = createStores(defaultView(), null);
    const settings = distilSettings({ client, stores });
    const given = () => stores.distil.getState().setup.given.secondFeatures;
    const answers: (() => void)[] = [];
    client.paperChecks = (file) =>
      new Promise((resolve, reject) =>
        answers.push(() =>
          file === network
            ? resolve({ network: 'vgg16-bn' })
            : reject(badFile('not a feature network that is known', { where: file.name })),
        ),
      );
    settings.takePaperFile('secondFeatures', table);
    settings.takePaperFile('secondFeatures', network);
    expect(given()).toEqual({ file: network, check: null, error: null });
    for (const answer of answers) answer();
    await new Promise((resolve) => setTimeout(resolve));
    expect(given()).toEqual({ file: network, check: { network: 'vgg16-bn' }, error: null });
    const settled = settleSetup({ ...stores.distil.getState().setup, preset: 'paper-faces' }, [], []);
    expect(settled.config.secondFeatures).toBe('vgg16-bn');
    expect(settleSetup({ ...NEW_SETUP, given: GIVEN }, [], []).config.secondFeatures).toBe('none');

    answers.length = 0;
    settings.takePaperFile('secondFeatures', table);
    answers[0]!();
    await new Promise((resolve) => setTimeout(resolve));
    expect(given()?.error).toBe('tf_efficientnet_lite0.pkl: not a feature network that is known.');
    settings.takePaperFile('secondFeatures', null);
    expect(given()).toBeNull();
  });
});
