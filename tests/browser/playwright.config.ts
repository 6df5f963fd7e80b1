// Real Chromium against a running Weir with data. `WEIR_URL` says where it is, `CHROMIUM_PATH` which browser.
// Nothing is downloaded: the browser is the system's.

import { defineConfig } from '@playwright/test';

const baseURL = process.env['WEIR_URL'];
if (!baseURL) throw new Error('set WEIR_URL to the address of a running Weir with data, such as http://127.0.0.1:7070');

export default defineConfig({
  testDir: 'tests',
  // A call needs some seconds on a loaded two-core machine; nothing here waits for a fixed time.
  timeout: 60_000,
  expect: { timeout: 15_000 },
  workers: 1,
  forbidOnly: true,
  reporter: [['list']],
  outputDir: process.env['WEIR_BROWSER_OUTPUT'] ?? '../../target/browser',
  use: {
    baseURL,
    locale: 'en-US',
    timezoneId: 'Europe/Berlin',
    viewport: { width: 1280, height: 900 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
