import { defineConfig } from '@playwright/test';
import { port, worlds } from './tests/ports';

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

// Each test runs in the first three; one that makes no sense in a mode says why. Without
// its compilers V8 has no WebAssembly. Every flow runs in two more: Rust alone, and a
// module that comes ten seconds late.
export default defineConfig({
  testDir: 'tests',
  // A gateway has one book, and its faults come to whoever calls next.
  workers: worlds,
  fullyParallel: true,
  timeout: 60_000,
  // A machine that stands still for a minute fails whatever test it meets; one that
  // fails twice is broken. What passed the second time is named, with its page.
  retries: 1,
  expect: { timeout: 15_000 },
  use: { baseURL: `http://127.0.0.1:${port}`, locale: 'zh-CN', contextOptions: { reducedMotion: 'reduce' } },
  projects: [
    { name: 'script', use: chromium() },
    { name: 'no-script', use: { ...chromium(), javaScriptEnabled: false } },
    { name: 'no-wasm', use: chromium(['--js-flags=--jitless']) },
    { name: 'no-fallback', use: chromium(), grep: /@flow/ },
    { name: 'late', use: chromium(), grep: /@flow/ },
  ],
});
