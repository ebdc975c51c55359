import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { contentSecurityPolicy, serviceWorker } from './scripts/vite-page.ts';

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  base: './', // works under any sub-path of any static host
  plugins: [react(), contentSecurityPolicy(), serviceWorker('afhq-cat-64x64-gdd-i')],
  resolve: { mainFields: ['browser', 'module', 'main'] },
  build: { target: 'es2022', assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 1200 },
  worker: { format: 'es' },
  server: { headers: isolation },
  preview: { headers: isolation },
});
