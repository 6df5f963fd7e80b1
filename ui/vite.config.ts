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
    rolldownOptions: {
      output: {
        // What every page asks with, in one file: ten files of a few hundred bytes each compress worse than one.
        codeSplitting: {
          groups: [{ name: 'base', test: /\/src\/(api|format|query|question|time)\/|vite\/preload-helper/ }],
        },
      },
    },
  },
  // The address of the page stays in `Host`: Weir refuses changes (POST, DELETE) from pages of another origin.
  server: { proxy: { '/api': { target: weirUrl, changeOrigin: false } } },
  test: { include: ['test/**/*.test.ts'] },
});
