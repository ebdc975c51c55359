import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { preset } from '../../../src/distil/config';
import { openModel } from '../../../src/engine/models/open-model';
import { studentMetadata, studentModel } from '../../../src/engine/runs/student';
import { bufferSource } from '../../../src/formats/source';
import { FIXTURES } from '../../support/fixtures';

const mini = openModel(bufferSource(readFileSync(join(FIXTURES, 'mini/mini-adm-16-cond.pkl')), 'mini.pkl'));
const FREEZE = ['freeze', 'trained_parameters', 'trained_count', 'frozen_count'];

it('a student says the same of its making in memory, in a file of a run and in one of the command line', () => {
  const config = preset('small');
  const keys = ['method', ...FREEZE, 'images_seen', 'sigma', 'nfe', 'distil_config'];
  const { metadata } = studentModel(mini, mini.weights, config, 64);
  expect([...metadata.keys()]).toEqual(keys);
  const said = (about: Parameters<typeof studentMetadata>[2]) =>
    Object.fromEntries(studentMetadata(config, 64, about, mini.config.unet));
  const own = Object.fromEntries(metadata);
  expect(said({ teacherName: 'mini' })).toEqual({ ...own, teacher: 'mini' });
  expect(said({ teacherName: 'mini', dataName: 'shapes' })).toEqual({
    ...own,
    teacher: 'mini',
    data: 'shapes',
  });
});
