// Serves the page that ours replaces as ours is served: HTTP/1.1, compressed
// beforehand at the best level, libraries kept for ever; its calls go on to the platform.
import { readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const KINDS = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css' };
const LIBRARIES = {
  'bootstrap.min.css': 'bootstrap/dist/css/bootstrap.min.css',
  'jquery.min.js': 'jquery/dist/jquery.min.js',
  'angular.min.js': 'angular/angular.min.js',
  'angular-ui-router.min.js': 'angular-ui-router/release/angular-ui-router.min.js',
  'qrcode.min.js': 'qrcodejs2/qrcode.min.js',
};

/** Starts it; gives its port. `pages` is the folder of the page's own files. */
export function serveOld(pages, modules, platformPort) {
  const files = new Map([
    ['/', file(`${pages}/index.html`, 'no-store')],
    ['/app.js', file(`${pages}/app.js`, KEPT)],
  ]);
  for (const [name, path] of Object.entries(LIBRARIES)) {
    files.set(`/lib/${name}`, file(`${modules}/${path}`, KEPT));
  }
  const agent = new Agent({ keepAlive: true });
  const server = createServer((asked, answer) => {
    if (asked.url.startsWith('/pay/api/')) return forward(asked, answer, platformPort, agent);
    const found = files.get(asked.url);
    if (found) send(found, asked, answer);
    else answer.writeHead(404).end();
  });
  return new Promise((ready) => {
    server.listen(0, '127.0.0.1', () => ready(server.address().port));
  });
}

const KEPT = 'public, max-age=31536000, immutable';

function file(path, cache) {
  const raw = readFileSync(path);
  const best = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  const type = KINDS[path.split('.').pop()];
  const headers = { 'content-type': type, 'cache-control': cache, vary: 'accept-encoding' };
  return { headers, raw, br: brotliCompressSync(raw, best), gzip: gzipSync(raw, { level: 9 }) };
}

function send(found, asked, answer) {
  const taken = asked.headers['accept-encoding'] ?? '';
  const coding = ['br', 'gzip'].find((name) => taken.includes(name));
  const body = coding ? found[coding] : found.raw;
  const headers = { ...found.headers, 'content-length': body.length };
  if (coding) headers['content-encoding'] = coding;
  answer.writeHead(200, headers).end(body);
}

function forward(asked, answer, port, agent) {
  const { method, url: path, headers } = asked;
  const call = request({ host: '127.0.0.1', port, agent, method, path, headers }, (told) => {
    answer.writeHead(told.statusCode, told.headers);
    told.pipe(answer);
  });
  call.on('error', () => answer.destroy());
  asked.pipe(call);
}
