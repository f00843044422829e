import { defineConfig } from '@playwright/test';

const port = Number(process.env.TONGFU_PORT ?? 3000);
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const chromium = (more: string[] = []) => ({
  launchOptions: { executablePath: process.env.TONGFU_CHROMIUM, args: [...args, ...more] },
});

// Each test runs in all three; one that makes no sense in a mode says why. Without
// its compilers V8 has no WebAssembly.
export default defineConfig({
  testDir: 'tests',
  // The gateway has one book, and its faults come to whoever calls next.
  workers: 1,
  timeout: 60_000,
  // A machine that stands still for a minute fails whatever test it meets; one that
  // fails twice is broken. What passed the second time is named, with its page.
  retries: 1,
  expect: { timeout: 15_000 },
  use: { baseURL: `http://127.0.0.1:${port}`, locale: 'zh-CN' },
  projects: [
    { name: 'script', use: chromium() },
    { name: 'no-script', use: { ...chromium(), javaScriptEnabled: false } },
    { name: 'no-wasm', use: chromium(['--js-flags=--jitless']) },
  ],
});
