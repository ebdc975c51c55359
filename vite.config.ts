import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { chunkFolders } from './scripts/chunk-folders.ts';
import { thirdPartyNotices } from './scripts/notices.ts';
import { contentSecurityPolicy, HEADERS, serviceWorker, unknownAddresses } from './scripts/vite-page.ts';

/** The dev server injects inline scripts: it gets the headers without the policy. */
const { 'Content-Security-Policy': _, ...isolation } = HEADERS;

/** Decoders of image formats, and what they share: chunks of a folder of their own, loaded when the first image of a format is met. */
const IMAGE_FORMATS =
  /\/src\/data\/(?:image\/|types\.)|\/node_modules\/(@jsquash|@petamoriken|geotiff|lerc|omggif|pako|parse-headers|quick-lru|web-worker|xml-utils|zstddec)\//;

/** Readers of pickles, torch files and zips: loaded when the first file needs them. */
const READERS = /\/src\/formats\/|\/node_modules\/fflate\//;
const PICKLED = /\/src\/formats\/(open-checkpoint|pickle\/|torch\/)/;

/** The folder of a chunk, by which its size is judged. */
function folderOf(moduleIds: readonly string[]): string {
  if (moduleIds.length === 0) return '';
  if (moduleIds.every((id) => IMAGE_FORMATS.test(id))) return 'images/';
  if (moduleIds.every((id) => READERS.test(id)) && moduleIds.some((id) => PICKLED.test(id)))
    return 'readers/';
  return '';
}

/** A room of engine or storage, or distil, gives its chunks their first name: engine/distil/worker.ts becomes distil-worker. */
const roomOf = (facade: string | null): string =>
  facade === null
    ? ''
    : facade
        .replace(/^.*\/src\/(?:(?:engine|storage)\/([^/]+)|(distil))\/[^/]+$|^.*$/, '$1$2-')
        .replace(/^-$/, '');

/** What several parts of a distillation need, as both executors of recorded steps do, is no room's; it is loaded with them. */
const OF_TRAINING =
  /\/src\/(nn\/plan\/(operations|training\/(layouts|scope))|nn\/features\/padding|distil\/student-network|engine\/models\/export)\./;
const isOfTraining = (moduleIds: readonly string[]): boolean => moduleIds.some((id) => OF_TRAINING.test(id));

const notices = thirdPartyNotices();
const folders = chunkFolders();

export default defineConfig({
  base: './', // works under any sub-path of any static host
  define: { INNATE_HOSTS: JSON.stringify(process.env.INNATE_HOSTS) ?? 'undefined' }, // src/lib/hosts.ts
  plugins: [
    react(),
    contentSecurityPolicy(),
    folders.plugin,
    notices.emit(),
    serviceWorker({ model: 'afhq-cat-64x64-gdd-i', teacher: 'fashion-mnist-32x32-teacher' }),
    unknownAddresses(),
  ],
  resolve: { mainFields: ['browser', 'module', 'main'] },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/page/[name]-[hash].js',
        chunkFileNames: (chunk) => `assets/${folders.of(chunk)}[name]-[hash].js`,
      },
    },
  },
  worker: {
    plugins: () => [notices.collect()],
    format: 'es',
    rolldownOptions: {
      output: {
        chunkFileNames: ({ moduleIds, facadeModuleId }) =>
          `assets/${folderOf(moduleIds)}${isOfTraining(moduleIds) && facadeModuleId === null ? 'distil-' : roomOf(facadeModuleId)}[name]-[hash].js`,
      },
    },
  },
  server: { headers: isolation },
  preview: { headers: HEADERS },
});
