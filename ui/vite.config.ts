// How the web app is built, and what the development server passes on to a running Weir.

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const weirUrl = process.env['WEIR_URL'] ?? 'http://127.0.0.1:7070';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Inlined data: URLs would need a wider content security policy than Weir sends.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { '/api': weirUrl } },
  test: { include: ['test/**/*.test.ts'] },
});
