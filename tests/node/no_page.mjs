// The client without a browser: on a server that renders pages, and on a device. Prints each state as JSON, and the
// features of the environment that the client used.
// Usage: node no_page.mjs URL IDENTIFIER PASSWORD
import { createRequire } from 'node:module';
import { build } from 'esbuild';
import { WebSocket } from 'ws';

const [url, identifier, password] = process.argv.slice(2);
const require = createRequire(new URL('../../playground/package.json', import.meta.url));
const { createElement, useSyncExternalStore } = require('react');
const { renderToString } = require('react-dom/server');
const { outputFiles } = await build({
  entryPoints: [new URL('../../playground/client/index.ts', import.meta.url).pathname],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
});

const BROWSERS = ['window', 'document', 'navigator', 'location', 'localStorage', 'sessionStorage', 'BroadcastChannel', 'WebSocket'];
const touched = [];
const refuse = (name) => class { constructor() { touched.push(name); } };
const throwing = { get: () => { throw new Error('forbidden'); }, configurable: true };

/** The browser features that each environment has. */
const PLACES = {
  // nothing at all
  bare: {},
  // like current Node.js and Deno: these features would keep the process alive, or be shared by all visitors
  modern: {
    navigator: { userAgent: 'Node.js/24', locks: { request: () => { touched.push('locks'); } } },
    localStorage: { getItem: () => { touched.push('localStorage'); return null; } },
    BroadcastChannel: refuse('BroadcastChannel'),
    WebSocket: refuse('WebSocket'),
  },
  // like jsdom without storage, or a frame without permission for it
  forbidden: { window: Object.defineProperty({}, 'localStorage', throwing), navigator: {} },
  // like React Native
  device: { window: globalThis, navigator: { product: 'ReactNative' }, WebSocket },
};

async function be(place) {
  for (const name of BROWSERS) {
    delete globalThis[name];
    const value = PLACES[place][name];
    if (value) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  const source = Buffer.from(`${outputFiles[0].text}// ${place}`).toString('base64');
  return import(`data:text/javascript;base64,${source}`);
}

function render(gatehouse) {
  const Who = () => useSyncExternalStore(gatehouse.subscribe, gatehouse.state, gatehouse.serverState).status;
  return renderToString(createElement(Who));
}

const { fetch } = globalThis;
globalThis.fetch = (...request) => {
  touched.push('fetch');
  return fetch(...request);
};
const rendered = {};
for (const place of Object.keys(PLACES)) {
  const { createGatehouse } = await be(place);
  for (const keep of ['cookie', 'localStorage', 'memory']) {
    const gatehouse = createGatehouse({ url, keep });
    const first = render(gatehouse);
    // runs everything that was started
    await new Promise(setImmediate);
    rendered[`${place} ${keep}`] = [first, gatehouse.state().status, render(gatehouse)];
    gatehouse.close();
  }
}
const quiet = [...touched];

// on a device, a user subscribes and signs in
const { createGatehouse } = await be('device');
const gatehouse = createGatehouse({ url, keep: 'localStorage' });
const states = [];
gatehouse.subscribe(() => states.push(gatehouse.state().status));
states.push(gatehouse.state().status);
const heard = new Promise((hear) => { gatehouse.onEvent(({ kind }) => { if (kind === 'PROFILE_CHANGED') hear(kind); }); });
await gatehouse.login({ identifier, password });
const { email } = await gatehouse.me();
const changing = setInterval(() => gatehouse.updateProfile({ bio: String(Math.random()) }), 300);
const event = await heard;
clearInterval(changing);
await gatehouse.logout();
states.push(gatehouse.state().status);
gatehouse.close();
console.log(JSON.stringify({ rendered, touched: quiet, states: [...new Set(states)], last: states.at(-1), email, event }));
