import { join } from 'node:path';

/** A small conditional ADM, a pickle as the public ones are. */
export const checkpoint = join(import.meta.dirname, '../fixtures/mini/mini-adm-16-cond.pkl');

/** An entry of the catalogue for that checkpoint. */
export const entry = (id: string, more: object = {}, file: object = {}) => ({
  id,
  name: `Mini ${id}`,
  role: 'student',
  method: 'gdd',
  kind: 'official',
  dataset: 'mini',
  precond: 'GDDPrecond',
  sigma: 2.5,
  nfe: 1,
  architecture: {},
  resolution: 16,
  channels: 3,
  classes: ['ant', 'bee', 'cow', 'dog', 'elk'],
  parameters: 580_000,
  files: [
    {
      url: `https://huggingface.co/mini/resolve/main/${id}.pkl`,
      bytes: null,
      sha256: null,
      dtype: 'f32',
      ...file,
    },
  ],
  licence: 'MIT',
  reported: { metric: 'fid', value: 1.23, of: 'file', source: 'a README', url: 'https://example.org/' },
  provenance: {},
  quality: [],
  ...more,
});
