/** The import rules of docs/architecture.md, checked. Imports point downwards only. */
const layer = (name, from, allowed) => ({
  name: `${name}-imports-downwards`,
  severity: 'error',
  from: { path: from },
  to: { path: '^(src|cli|bench|e2e|tests)/', pathNot: [from, ...allowed.map((a) => `^src/${a}`)] },
});

/** A room of a house, and the rooms that it may import. */
const room = (house, name, allowed) => ({
  name: `${house.replace('/', '-')}-${name}-imports-downwards`,
  severity: 'error',
  from: { path: `^src/${house}/${name}/` },
  to: { path: `^src/${house}/[^/]+/`, pathNot: [name, ...allowed].map((other) => `^src/${house}/${other}/`) },
});

/** What a distillation is, in plain data: the only part of src/distil that the page and the contract know. */
const PLAIN_DISTIL = 'distil/(config|config-checks|batch-memory|curve|schedule|freeze-rule)\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer('lib', '^src/lib/', []),
    layer('rng', '^src/rng/', ['lib/']),
    layer('formats', '^src/formats/', ['lib/']),
    layer('storage', '^src/storage/', ['formats/', 'lib/']),
    layer('gpu', '^src/gpu/', ['rng/', 'lib/']),
    layer('simd', '^src/simd/', ['lib/']),
    layer('nn', '^src/nn/', ['gpu/', 'simd/', 'rng/', 'lib/']),
    layer('data', '^src/data/', ['formats/', 'rng/', 'lib/']),
    layer('measure', '^src/measure/', ['rng/', 'lib/']),
    layer('distil', '^src/distil/', ['measure/', 'nn/', 'data/', 'gpu/', 'rng/', 'lib/']),
    layer('protocol', '^src/protocol/', [PLAIN_DISTIL, 'lib/']),
    layer('engine', '^src/engine/', ['protocol/', 'measure/', 'distil/', 'nn/', 'simd/', 'data/', 'gpu/', 'storage/', 'formats/', 'rng/', 'lib/']),
    room('engine', 'models', []),
    room('engine', 'export', []),
    room('engine', 'download', ['models']),
    room('engine', 'inference', ['models']),
    room('engine', 'layers', ['models', 'inference']),
    room('engine', 'runs', ['models']),
    room('engine', 'measure', ['models', 'inference', 'runs']),
    room('engine', 'distil', ['models', 'inference', 'runs', 'measure']),
    layer('ui', '^src/ui/', ['lib/']),
    layer('state', '^src/state/', ['protocol/', PLAIN_DISTIL, 'storage/catalogue', 'rng/', 'lib/']),
    room('state', 'actions', []),
    room('state', 'measure', []),
    room('state', 'generate', []),
    room('state', 'models', ['generate']),
    room('state', 'files', ['generate']),
    room('state', 'history', ['generate']),
    room('state', 'export', ['generate', 'path']),
    room('state', 'path', ['generate']),
    room('state', 'distil', ['generate']),
    room('state/distil', 'series', []),
    room('state/distil', 'lab', ['series']),
    room('state', 'moments', ['measure', 'distil']),
    room('state', 'layers', ['generate', 'distil']),
    room('state', 'compare', ['generate', 'models']),
    room('state', 'beside', ['generate', 'compare', 'layers']),
    layer('features', '^src/features/', ['ui/', 'state/', 'protocol/', PLAIN_DISTIL, 'storage/catalogue', 'rng/', 'lib/']),
    {
      name: 'distil-plain-data',
      severity: 'error',
      from: { path: `^src/${PLAIN_DISTIL}` },
      to: { path: '^src/', pathNot: ['^src/lib/', `^src/${PLAIN_DISTIL}`], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'features-are-islands',
      severity: 'error',
      from: { path: '^src/features/([^/]+)/' },
      to: { path: '^src/features/', pathNot: '^src/features/$1/' },
    },
    {
      name: 'cli-has-no-page',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^src/(app|features|ui|state)/' },
    },
    {
      name: 'bench-has-no-page',
      severity: 'error',
      from: { path: '^bench/' },
      to: { path: '^(src/(app|features|ui|state)|e2e|tests)/' },
    },
    {
      name: 'page-has-no-tensorflow',
      severity: 'error',
      // The one exception names the addresses of the wasm binaries for the worker.
      from: { path: '^src/(app|features|ui|state|protocol|main)', pathNot: '^src/app/wasm-binaries.ts$' },
      to: { path: '@tensorflow' },
    },
    {
      name: 'core-has-no-page',
      severity: 'error',
      from: { path: '^src/(engine|protocol|storage|nn|simd|measure|distil|gpu|formats|rng|lib|data)/' },
      to: { path: '(react|react-dom|zustand)' },
    },
    {
      name: 'core-has-no-node',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/simd/assembly/' }, // AssemblyScript: its compiler checks it
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { mainFields: ['module', 'main'], extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'] },
  },
};
