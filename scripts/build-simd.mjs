// Compiles the SIMD kernels (src/simd/assembly, AssemblyScript) into src/simd/kernels.ts: two small WebAssembly
// modules as text, so that the page's worker, the command line and the tests load them alike. Skipped when the
// result is newer than every source.
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'src/simd');
const result = join(folder, 'kernels.ts');

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
  if (existsSync(result) && statSync(result).mtimeMs > newest) return;
  const asc = await import('assemblyscript/asc').catch(() => {
    throw new Error('The compiler of the SIMD kernels is not installed: run npm install');
  });
  const texts = [];
  for (const [name, features] of Object.entries(MODULES)) {
    let binary = null;
    const { error, stderr } = await asc.main(
      [
        'src/simd/assembly/index.ts',
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
    texts.push(`export const ${name.toUpperCase()} =\n  '${Buffer.from(binary).toString('base64')}';\n`);
  }
  writeFileSync(result, `// Made by scripts/build-simd.mjs from src/simd/assembly.\n${texts.join('')}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildSimd();
