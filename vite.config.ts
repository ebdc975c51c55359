import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { contentSecurityPolicy, HEADERS, serviceWorker, unknownAddresses } from './scripts/vite-page.ts';

/** The dev server injects inline scripts: it gets the headers without the policy. */
const { 'Content-Security-Policy': _, ...isolation } = HEADERS;

export default defineConfig({
  base: './', // works under any sub-path of any static host
  plugins: [react(), contentSecurityPolicy(), serviceWorker('afhq-cat-64x64-gdd-i'), unknownAddresses()],
  resolve: { mainFields: ['browser', 'module', 'main'] },
  build: { target: 'es2022', assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 1200 },
  worker: { format: 'es' },
  server: { headers: isolation },
  preview: { headers: HEADERS },
});
