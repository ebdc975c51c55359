/** A catalogue of one teacher and a list of its one sample pack, as the page fetches them. */
export const CATALOGUE = JSON.stringify({
  version: 1,
  models: [
    {
      id: 'fashion-mnist-32x32-teacher',
      name: 'Clothes, diffusion teacher',
      role: 'teacher',
      kind: 'shipped',
      dataset: 'fashion-mnist-32x32',
      precond: 'EDMPrecond',
      architecture: {},
      resolution: 32,
      channels: 1,
      classes: null,
      parameters: 1,
      files: [{ path: 'a.safetensors', bytes: 1, sha256: null, dtype: 'f16' }],
      licence: 'MIT',
      provenance: {},
      quality: [],
    },
  ],
});
export const PACKS = JSON.stringify({
  version: 1,
  packs: [{ id: 'fashion-mnist-32x32', name: 'Clothes', images: 9 }],
});
