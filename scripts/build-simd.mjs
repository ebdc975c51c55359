// Compiles the SIMD kernels (src/simd/assembly, AssemblyScript) into src/simd/kernels.ts and training-kernels.ts: two
// small WebAssembly modules each as text, so that the page's workers, the command line and the tests load them alike. Skipped
// when the results are newer than every source.
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'src/simd');
/** What makes images, and what trains: that one is loaded by the first run. */
const RESULTS = { 'kernels.ts': 'index.ts', 'training-kernels.ts': 'training.ts' };

/** FEATURES: relaxed SIMD has a fused multiply-add; browsers before 2023 lack it. */
const MODULES = { plain: 'simd,threads', relaxed: 'simd,threads,relaxed-simd' };

/** Runs by itself and before all unit tests, whose runner wants a default export. */
export default async function buildSimd() {
  const sources = [
    fileURLToPath(import.meta.url),
    join(folder, 'record.ts'),
    ...readdirSync(join(folder, 'assembly')).map((name) => join(folder, 'assembly', name)),
  ];
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const results = Object.keys(RESULTS).map((name) => join(folder, name));
  if (results.every((file) => existsSync(file) && statSync(file).mtimeMs > newest)) return;
  const asc = await import('assemblyscript/asc').catch(() => {
    throw new Error('The compiler of the SIMD kernels is not installed: run npm install');
  });
  for (const [name, entry] of Object.entries(RESULTS)) {
    const texts = [];
    for (const [variant, features] of Object.entries(MODULES))
      texts.push(
        `export const ${variant.toUpperCase()} =\n  '${(await compile(asc, entry, features)).toString('base64')}';\n`,
      );
    writeFileSync(
      join(folder, name),
      `// Made by scripts/build-simd.mjs from src/simd/assembly/${entry}.\n${texts.join('')}`,
    );
  }
}

/** The bytes of one module. */
async function compile(asc, entry, features) {
  let binary = null;
  const { error, stderr } = await asc.main(
    [
      `src/simd/assembly/${entry}`,
      ...['--baseDir', root, '--outFile', 'kernels.wasm', '--runtime', 'stub', '--noAssert', '--noColors'],
      ...['-O3', '--converge', '--importMemory', '--sharedMemory', '--enable', features],
      ...['--initialMemory', '1', '--maximumMemory', '65536', '--disableWarning', '201'],
    ],
    {
      writeFile: (file, contents) => {
        if (file === 'kernels.wasm') binary = contents;
      },
    },
  );
  if (error || !binary) throw new Error(`The SIMD kernels do not compile:\n${stderr.toString()}`);
  return Buffer.from(binary);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSimd();
